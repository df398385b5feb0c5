"""A ceiling as a system of the comparison: the network in an offline loop, a process of one thread on each core."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparison.load import Load
from comparison.processes import Failed, end, processor_seconds
from comparison.system import Figures, Kind

BATCH = 16
"""Texts that an offline loop computes at a time; they are of like length."""

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """One runtime, one precision, one model file."""

    engine: str
    model: Path
    make: Callable[[], None]
    """Makes the model file, where it is not there yet."""
    checkpoint: Path
    max_length: int
    fixed_width: bool
    """Whether the graph wants rows of `max_length`."""
    name: str
    title: str
    precision: str
    log: Path
    remark: str = "offline: texts sorted by length, no server"
    kind: Kind = "ceiling"

    @contextmanager
    def started(self) -> Iterator["Loops"]:
        self.make()
        cores = len(os.sched_getaffinity(0))
        with ExitStack() as stack:
            processes = [self._process(stack) for _ in range(cores)]
            loops = Loops(processes, self.checkpoint)
            loops.wait(self.log)
            yield loops

    def _process(self, stack: ExitStack) -> "subprocess.Popen[str]":
        command = [sys.executable, str(Path(__file__).with_name("offline.py")), self.engine, str(self.model)]
        command += [str(self.checkpoint), "--max-length", str(self.max_length), "--batch", str(BATCH)]
        command += ["--width", str(self.max_length)] if self.fixed_width else []
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stack.enter_context(self.log.open("a")),
            text=True,
            env={**os.environ, **ENVIRONMENT},
            start_new_session=True,
        )
        stack.callback(end, process)
        return process


class Loops:
    """Processes that share the texts among them."""

    def __init__(self, processes: Sequence["subprocess.Popen[str]"], checkpoint: Path) -> None:
        self._processes = processes
        self._told: Sequence[str] = ()
        config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
        self._names: dict[str, str] = config.get("id2label", {})

    def wait(self, log: Path) -> None:
        """Until all have loaded their model.

        Raises:
            Failed: One ended.
        """
        for process in self._processes:
            if not _listen(process).get("ready"):
                raise Failed(f"the offline loop did not start (see {log})")

    def pause(self) -> None:
        """They wait without working."""

    def resume(self) -> None:
        """They always are."""

    def labels(self, texts: Sequence[str]) -> list[str | None]:
        first = self._processes[0]
        _say(first, {"texts": list(texts), "labels": True})
        self._told = ()
        return [self._names.get(str(label), str(label)) for label in _listen(first)["labels"]]

    def closed(self, texts: Sequence[str], *, users: int, seconds: float) -> Figures:
        """As many users as there are processes; for one user, calls of the network alone, a text at a time."""
        if texts is not self._told:
            for number, process in enumerate(self._processes):
                _say(process, {"texts": list(texts[number :: len(self._processes)])})
                _listen(process)
            self._told = texts
        if users == 1:
            latencies = _asked(self._processes[0], {"alone": seconds})["latencies"]
            return Figures.of(Load(seconds=sum(latencies), latencies=latencies))
        before = sum(map(processor_seconds, self._processes))
        with ThreadPoolExecutor(len(self._processes)) as pool:
            done = list(pool.map(lambda process: _asked(process, {"seconds": seconds}), self._processes))
        taken = sum(map(processor_seconds, self._processes)) - before
        return Figures(
            throughput=round(sum(one["texts"] / one["seconds"] for one in done), 2),
            processor=round(taken / sum(one["texts"] for one in done) * 1e6, 1),
        )

    def poisson(self, texts: Sequence[str], *, rate: float, seconds: float, seed: int) -> Figures:  # noqa: ARG002
        raise Failed("nothing arrives at an offline loop")


def _asked(process: "subprocess.Popen[str]", question: Any) -> Any:
    _say(process, question)
    return _listen(process)


def _say(process: "subprocess.Popen[str]", question: Any) -> None:
    assert process.stdin  # noqa: S101 - a pipe, for the type checker
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()


def _listen(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout  # noqa: S101 - a pipe, for the type checker
    line = process.stdout.readline()
    if not line:
        raise Failed(f"the offline loop ended with status {process.wait()}")
    return json.loads(line)
