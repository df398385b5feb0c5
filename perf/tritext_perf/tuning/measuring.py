"""One measurement of one setting: a server of its own, woken up, and one run of perf_analyzer."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tritext import address
from tritext.address import Address
from tritext.client import Client
from tritext.errors import TritextError
from tritext_perf.installation import PerfAnalyzer
from tritext_perf.measurement import Failure, Outcome
from tritext_perf.perf_analyzer import Target
from tritext_perf.quality import PATIENCE_S
from tritext_perf.scenario import Scenario
from tritext_perf.server import ServedModel, Server
from tritext_perf.sweep import Care, Sweep
from tritext_perf.tuning.trial import Setting

Serve = Callable[[Setting], AbstractContextManager[str]]
"""Serves the model with a setting while a `with` block runs; gives the gRPC address."""

WAKING = 128
"""Texts that are sent before the load, so that no instance's first call is measured."""


@dataclass(frozen=True, kw_only=True)
class Stand:
    """What all measurements have in common."""

    serve: Serve
    program: PerfAnalyzer
    model: str
    texts: Sequence[str]
    input_data: Path
    """The same texts, as perf_analyzer reads them."""
    scenario: Scenario
    raw: Path

    def measure(self, setting: Setting, seconds: float, number: int) -> Outcome:
        """The figures of one setting, or why there are none.

        Raises:
            KeyboardInterrupt: Ctrl+C; the server is gone by then.
        """
        try:
            with self.serve(setting) as url:
                return self._measured(address.parse(url), seconds, self.raw / f"{number:02}")
        except TritextError as error:
            return Failure(scenario=self.scenario, reason=str(error), errors=None)

    def _measured(self, where: Address, seconds: float, files: Path) -> Outcome:
        files.mkdir()
        server = Server(where)
        model = server.model(self.model)
        self._wake(where, model)
        sweep = Sweep(
            program=self.program,
            server=server,
            target=Target(model=model, address=where, input_data=self.input_data),
            care=Care(seconds=seconds, attempts=1),
            raw=files,
        )
        outcomes, interrupted = sweep.run([self.scenario], lambda *_: None)
        if interrupted:
            raise KeyboardInterrupt
        return outcomes[0]

    def _wake(self, where: Address, model: ServedModel) -> None:
        with Client(str(where), timeout=PATIENCE_S) as client:
            texts = self.texts[:WAKING]
            for _ in client.stream(model.name, texts, errors="return", version=model.version):
                pass
