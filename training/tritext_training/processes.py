"""The processes that train one model together: how many there are, which one this is, and how they agree.

Launchers (`accelerate launch`, `torchrun`) start them; alone, a process is a team of one. It refuses to know what is
trained. https://docs.pytorch.org/docs/stable/elastic/run.html names the environment that launchers set.
"""

import atexit
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState  # type: ignore[import-untyped]

from tritext.errors import TritextError
from tritext_training.errors import ProcessLost

Value = TypeVar("Value")

SPEAKING_SECONDS = 5.0

PATIENCE = timedelta(hours=12)
"""How long processes wait for each other; whoever started them ends them all when one fails."""


@dataclass(frozen=True, kw_only=True)
class Team:
    """All processes of a run, seen from one of them."""

    size: int = 1
    rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this is the process that owns work folder, progress bar, reports and publishing."""
        return self.rank == 0

    def tell(self, value: Value) -> Value:
        """What the main process knows, to all."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def any(self, value: bool) -> bool:  # noqa: FBT001
        """Whether it holds in any process; all ask at the same time."""
        if self.size == 1:
            return value
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        held = torch.tensor(int(value), device=device)
        dist.all_reduce(held, op=dist.ReduceOp.MAX)
        return bool(held.item())

    def in_turn(self, make: Callable[[], Value]) -> Value:
        """The main process first, so that it alone fetches what the others then find."""
        if self.size == 1:
            return make()
        try:
            if self.is_main:
                return make()
        finally:
            dist.barrier()
        return make()

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """Work that all do, or the main one for all: what goes wrong in any process ends all, and is said once."""
        failed: TritextError | None = None
        try:
            yield
        except TritextError as error:
            failed = error
        if self.size > 1:
            said: list[tuple[str, int] | None] = [None] * self.size
            dist.all_gather_object(said, failed and (str(failed), failed.exit_code))
            first = next((entry for entry in said if entry), None)
            if first:
                self._end(*first)
        if failed:
            raise failed

    def _end(self, sentence: str, exit_code: int) -> None:
        self._leave_speaking_to_main(exit_code)
        error = TritextError(sentence)
        error.exit_code = exit_code  # type: ignore[misc]
        raise error

    def _leave_speaking_to_main(self, exit_code: int) -> None:
        """End all processes but the main one, which has the time to say why before the launcher ends it, too."""
        if not self.is_main:
            time.sleep(SPEAKING_SECONDS)
            raise SystemExit(exit_code) from None

    @contextmanager
    def training(self) -> Iterator[None]:
        """Steps that all take together: a process that is gone is a sentence, and what all see is said once."""
        try:
            yield
        except TritextError as error:
            self._leave_speaking_to_main(error.exit_code)
            raise
        except RuntimeError as error:
            if self.size == 1 or not _is_loss(error):
                raise
            self._leave_speaking_to_main(ProcessLost.exit_code)
            raise ProcessLost(processes=self.size) from error


def together() -> Team:
    """This process's team, which lasts as long as the process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team()
    met = dist.is_initialized()
    state = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    team = Team(size=state.num_processes, rank=state.process_index)
    if not met:
        atexit.register(_part)
        if not team.is_main:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # ended by the launcher without a word
    return team


def _part() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _is_loss(error: RuntimeError) -> bool:
    """Whether a collective operation failed because a process is gone; gloo and NCCL say so in words only."""
    said = str(error).lower()
    return isinstance(error, dist.DistError) or any(
        word in said for word in ("connection closed", "connection reset", "gloo", "nccl", "socket")
    )
