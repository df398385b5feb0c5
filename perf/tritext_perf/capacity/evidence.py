"""What a benchmark says about one server: its results.json, read into a chain of steps that can be simulated.

Two loads tell what a step takes: the lone user, whose batches have one row, and the fullest load, whose batches are the
largest. Everything between is a straight line.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tritext_perf.capacity.simulation import Chain, Step
from tritext_perf.errors import PerfError
from tritext_perf.report import JSON

MS = 1e-3
"""Seconds."""

TINY = 1e-3
"""A row, or milliseconds, too little to matter and too much to divide by zero."""

QUANTILES = (0.5, 0.9, 0.95, 0.99)

MANY = 16
"""Users from which on batches are full enough to tell what a row costs."""


class NotEnough(PerfError):
    """The benchmark cannot tell what several servers would do."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} does not tell how servers behave: {reason}. Measure with `tritext bench NAME --data FILE --users 1,8,64,200`."
        )


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One server, as it was measured."""

    chain: Chain
    loads: Sequence[Mapping[str, Any]]
    """The benchmark's scenarios, to hold predictions against."""
    model: Mapping[str, Any]
    machine: Mapping[str, Any]
    date: str


def read(path: Path, *, cores: float | None = None) -> Evidence:
    """A folder of `tritext bench`, or the results.json in it.

    Args:
        path: Of the folder, or the file.
        cores: Of the server; without it those of the machine of the benchmark, if the server ran there.

    Raises:
        NotEnough: It is none, or lacks a lone user, or many, or the steps' times.
    """
    path = path / JSON if path.is_dir() else path
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        measured = [one for one in document["scenarios"] if "throughput" in one]
        return _evidence(path, document, measured, cores)
    except OSError as error:
        raise NotEnough(path=path, reason=(error.strerror or str(error)).lower()) from error
    except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotEnough(
            path=path, reason="it is no results.json of this version's `tritext bench`"
        ) from error


def _evidence(
    path: Path, document: Mapping[str, Any], measured: Sequence[Mapping[str, Any]], cores: float | None
) -> Evidence:
    users = [one for one in measured if one["scenario"]["kind"] == "users" and one["stages"]]
    lone = next((one for one in users if one["scenario"]["load"] == 1), None)
    full = max(users, key=lambda one: float(one["throughput"]), default=None)
    if lone is None:
        raise NotEnough(path=path, reason="no lone user was measured")
    if full is None or full["scenario"]["load"] < MANY:
        raise NotEnough(path=path, reason=f"no load of {MANY} users or more was measured")
    machine, facts = document["machine"], document["model"]["steps"]
    if cores is None and machine["server_is_local"]:
        cores = float(machine["usable_cores"])
    cores = cores or float(sum(step["instances"] for step in facts))
    elsewhere = float(lone["elsewhere"])
    front = Step(name="front", instances=MANY, most_rows=1, fixed=MS * elsewhere, each=0.0)
    first, last = _batches(lone), _batches(full)
    last = {name: batch.no_longer_than(first[name]) for name, batch in last.items()}
    first, last = (
        _alone(batches, load["throughput"], cores, elsewhere)
        for batches, load in ((first, lone), (last, full))
    )
    steps = [_step(step, first[step["name"]], last[step["name"]]) for step in facts]
    return Evidence(
        chain=Chain(steps=[front, *steps], cores=cores, lengths=_lengths(lone)),
        loads=measured,
        model=document["model"],
        machine=machine,
        date=str(document["date"]),
    )


@dataclass(frozen=True)
class _Batch:
    """An average batch of a step under a load: its rows, and the seconds that it takes."""

    rows: float
    seconds: float

    def no_longer_than(self, one_by_one: "_Batch") -> "_Batch":
        """As long as its rows take one by one, at most: what the first step takes beyond that it waits for room behind it."""
        longest = self.rows * one_by_one.seconds / one_by_one.rows
        return _Batch(self.rows, min(self.seconds, longest))


def _batches(load: Mapping[str, Any]) -> dict[str, _Batch]:
    return {stage["name"]: _Batch(stage["average_batch"], MS * stage["compute"]) for stage in load["stages"]}


def _alone(
    batches: Mapping[str, _Batch], throughput: float, cores: float, elsewhere: float
) -> dict[str, _Batch]:
    """The batches, had each a processor for itself, which under load they have for a share of their time.

    If processors were all that limited it, a text had `cores` / throughput of their time: `elsewhere` outside of the steps,
    the rest in them, where batches took longer than that for want of processors.
    """
    in_steps = sum(batch.seconds / batch.rows for batch in batches.values())
    had = cores / throughput - MS * elsewhere
    share = float(min(1.0, max(had, MS * TINY) / in_steps))
    return {name: _Batch(batch.rows, batch.seconds * share) for name, batch in batches.items()}


def _step(facts: Mapping[str, Any], lone: _Batch, full: _Batch) -> Step:
    """A line through two batches; one that would fall, or begin below zero, is laid flat or through zero."""
    rows = max(full.rows, lone.rows + TINY)
    each = max(0.0, (full.seconds - lone.seconds) / (rows - lone.rows))
    fixed = lone.seconds - each * lone.rows
    if fixed < 0:
        fixed, each = 0.0, full.seconds / rows
    return Step(
        name=str(facts["name"]),
        instances=max(1, int(facts["instances"])),
        # Under the fullest load batches are as large as they get; those of quick steps stay small, since texts trickle in.
        most_rows=max(1, min(int(facts["most_rows"]), round(full.rows))),
        fixed=fixed,
        each=each,
    )


def _lengths(lone: Mapping[str, Any]) -> Callable[[float], float]:
    """How much more or less than the average a text costs, from what lone texts took; a text's share of luck is in it."""
    outside = sum(
        stage["queue"] + stage["compute"] for stage in lone["stages"] if stage["name"] != "model"
    ) + float(lone["elsewhere"])
    latency = lone["latency"]
    points = [latency["p50"], latency["p90"], latency["p95"], latency["p99"]]
    costs = np.maximum(np.array(points) - outside, TINY)
    # Below the median as far as above it, in proportion; the mean decides the scale.
    shares = np.array([0.0, *QUANTILES, 1.0])
    values = np.array([costs[0] ** 2 / costs[1], *costs, costs[-1] ** 2 / costs[-2]])
    mean = float(np.sum(np.diff(shares) * (values[1:] + values[:-1]) / 2))
    return lambda chance: float(np.interp(chance, shares, values / mean))
