"""How many servers a load needs: the simulation against queueing theory, and what it takes from a benchmark."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tritext_perf.capacity import evidence, plan, planning
from tritext_perf.capacity.evidence import NotEnough
from tritext_perf.capacity.plan import OutOfReach, TooMany
from tritext_perf.capacity.simulation import Chain, Fleet, Step
from tritext_perf.errors import BadSetting, OutputInUse


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer simulated requests than for a plan."""
    monkeypatch.setattr(planning, "REQUESTS", 5_000)


def chain(
    *, instances: int = 1, most_rows: int = 1, fixed: float = 0.0, each: float = 0.01, cores: float = 2.0
) -> Chain:
    """One step, and texts of one length."""
    step = Step(name="model", instances=instances, most_rows=most_rows, fixed=fixed, each=each)
    return Chain(steps=[step], cores=cores, lengths=lambda _: 1.0)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_waits_as_theory_has_them(load: float) -> None:
    """One instance without batches is M/D/1: the mean wait is load / (2 (1 - load)) services (Pollaczek 1930, Khinchine 1932)."""
    seconds = 0.01
    latencies = Fleet(chain(each=seconds), servers=1).poisson(load / seconds, requests=100_000)
    expected = seconds * (1 + load / (2 * (1 - load)))
    assert np.mean(latencies) == pytest.approx(expected, rel=0.05)


def test_full_batches_set_the_most() -> None:
    server = chain(instances=2, most_rows=16, fixed=0.004, each=0.001)
    rate, _ = planning.throughput(server, servers=1, users=200)
    assert server.most_per_second == pytest.approx(2 * 16 / 0.020)
    assert rate == pytest.approx(server.most_per_second, rel=0.03)


def test_a_lone_user_waits_for_nobody() -> None:
    server = chain(most_rows=8, fixed=0.002, each=0.008)
    rate, seen = planning.throughput(server, servers=1, users=1)
    assert [seen.p50, seen.p99] == pytest.approx([10.0, 10.0])
    assert rate == pytest.approx(100.0)


def test_every_text_is_answered_and_none_before_it_was_computed() -> None:
    server = chain(instances=2, most_rows=4, fixed=0.001, each=0.002)
    latencies = Fleet(server, servers=3).poisson(900.0, requests=5_000)
    assert len(latencies) == 5_000
    assert min(latencies) >= 0.003 - 1e-9


def test_steps_follow_each_other() -> None:
    steps = [
        Step(name=name, instances=1, most_rows=1, fixed=seconds, each=0.0)
        for name, seconds in (("tokenizer", 0.001), ("model", 0.01), ("postprocess", 0.002))
    ]
    server = Chain(steps=steps, cores=4.0, lengths=lambda _: 1.0)
    _, seen = planning.throughput(server, servers=1, users=1)
    assert seen.p50 == pytest.approx(13.0)
    assert server.most_per_second == pytest.approx(100.0)


def test_processors_are_shared() -> None:
    """Two instances on one processor do no more than one; work in batches counts once."""
    server = chain(instances=2, most_rows=1, each=0.01, cores=1.0)
    rate, seen = planning.throughput(server, servers=1, users=2)
    assert server.most_per_second == pytest.approx(100.0)
    assert rate == pytest.approx(100.0, rel=0.01)
    assert seen.p50 == pytest.approx(20.0, rel=0.01)


def test_more_servers_do_more() -> None:
    server = chain(most_rows=8, fixed=0.005, each=0.005)
    able = [planning.within(server, servers=servers, p99=100.0) for servers in (1, 2, 3)]
    assert able[0] < able[1] < able[2]
    assert able[2] > 3 * able[0], "a balancer evens out what chance brings together"


def test_the_fewest_that_do_it() -> None:
    server = chain(most_rows=8, fixed=0.005, each=0.005)
    fewest = planning.fewest(server, rate=3_000.0, p99=60.0)
    assert fewest is not None
    assert planning.choice(server, servers=fewest, rate=3_000.0, p99=60.0).holds
    assert not planning.choice(server, servers=fewest - 1, rate=3_000.0, p99=60.0).holds


# ---- from a benchmark


def stage(name: str, compute: float, batch: float) -> dict[str, Any]:
    return {"name": name, "queue": 0.0, "compute": compute, "average_batch": batch}


def load(kind: str, number: float, throughput: float, model: float, batch: float) -> dict[str, Any]:
    """A server whose network takes what is given, in milliseconds, and whose other parts take two."""
    small = max(1.0, batch / 4)
    latency = {"mean": model + 2, **dict.fromkeys(("p50", "p90", "p95", "p99"), model + 2)}
    return {
        "scenario": {"kind": kind, "load": number},
        "throughput": throughput,
        "latency": latency,
        "stages": [stage("tokenizer", 0.5 * small, small), stage("model", model, batch)],
        "elsewhere": 1.5,
    }


@pytest.fixture
def results(tmp_path: Path) -> Callable[..., Path]:
    """Writes a benchmark's results with these loads."""

    def write(*loads: dict[str, Any]) -> Path:
        steps = [
            {"name": "tokenizer", "instances": 1, "most_rows": 64},
            {"name": "model", "instances": 2, "most_rows": 16},
        ]
        document = {
            "model": {"name": "tickets", "version": "1", "steps": steps},
            "machine": {"cpu": "some", "usable_cores": 2, "server_is_local": True},
            "date": "2026-01-01T00:00:00+00:00",
            "scenarios": list(loads),
        }
        (tmp_path / "results.json").write_text(json.dumps(document), encoding="utf-8")
        return tmp_path

    return write


LONE, FULL = load("users", 1, 140.0, 5.0, 1.0), load("users", 64, 400.0, 80.0, 16.0)


def test_a_step_is_a_line_through_the_lone_and_the_full_batch(results: Callable[..., Path]) -> None:
    """Of the work that it is without others: 400 texts/s on two processors leave a text 5 ms, 3.5 of them in the steps."""
    known = evidence.read(results(LONE, FULL))
    front, tokenizer, model = known.chain.steps
    alone = 3.5 / (0.5 + 80.0 / 16)
    assert front.fixed == pytest.approx(0.0015)
    assert tokenizer.fixed + tokenizer.each == pytest.approx(0.0005)
    assert (tokenizer.most_rows, model.most_rows) == (4, 16)
    assert model.fixed + 16 * model.each == pytest.approx(0.080 * alone)
    assert model.fixed + model.each == pytest.approx(0.005)
    assert known.chain.cores == 2
    assert known.chain.lengths(0.5) == pytest.approx(1.0)
    assert evidence.read(results(LONE, FULL), cores=8).chain.steps[2].each == pytest.approx(0.005)


def test_what_the_first_step_waits_for_room_behind_it_is_no_work(results: Callable[..., Path]) -> None:
    held = {**FULL, "stages": [stage("tokenizer", 30.0, 4.0), FULL["stages"][1]]}
    working = evidence.read(results(LONE, FULL)).chain.steps
    assert evidence.read(results(LONE, held)).chain.steps == working


def test_a_plan_holds_what_was_measured_against_what_is_simulated(
    results: Callable[..., Path], tmp_path: Path
) -> None:
    folder = results(LONE, FULL, load("rate", 200.0, 199.0, 12.0, 2.0))
    told: list[str] = []
    found = plan.make(folder, rate=700.0, p99=150.0, tell=told.append)
    assert [one.servers for one in found.choices] == [found.servers - 1, found.servers, found.servers + 1]
    assert [one.load for one in found.checks] == ["1 user", "64 users", "200/s"]
    assert found.checks[1].predicted == pytest.approx(400.0, rel=0.05)
    plan.write(found, tmp_path / "there", tell=told.append)
    written = json.loads((tmp_path / "there/capacity.json").read_text())
    assert written["servers"] == found.servers
    assert (tmp_path / "there/capacity.png").read_bytes().startswith(b"\x89PNG")
    assert told


@pytest.mark.parametrize(
    ("loads", "said"),
    [([FULL], "no lone user"), ([LONE], "16 users or more"), ([], "no lone user")],
)
def test_a_benchmark_that_does_not_tell(
    results: Callable[..., Path], loads: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(NotEnough, match=said):
        evidence.read(results(*loads))


def test_a_step_without_figures(results: Callable[..., Path]) -> None:
    for lacking in ({**FULL, "stages": FULL["stages"][:1]}, {**FULL, "throughput": 0.0}):
        with pytest.raises(NotEnough):
            evidence.read(results({**LONE, "throughput": 0.0}, lacking))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scenarios": 3}', '{"scenarios": [{"throughput": 1}]}'])
def test_what_is_no_benchmark(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(NotEnough, match=r"no results\.json of this version's"):
        evidence.read(tmp_path)
    with pytest.raises(NotEnough, match="no such file"):
        evidence.read(tmp_path / "nowhere")


def test_what_no_number_of_servers_does(
    results: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = results(LONE, FULL)
    with pytest.raises(OutOfReach, match=r"No number of servers keeps a p99 of 3 ms: .* have 7 ms"):
        plan.make(folder, rate=100.0, p99=3.0, tell=lambda _: None)
    monkeypatch.setattr(planning, "MOST_SERVERS", 3)
    with pytest.raises(TooMany):
        plan.make(folder, rate=10_000.0, p99=100.0, tell=lambda _: None)
    with pytest.raises(BadSetting, match="--rate"):
        plan.make(folder, rate=0.0, p99=100.0, tell=lambda _: None)


def test_nowhere_to_write(results: Callable[..., Path], tmp_path: Path) -> None:
    found = plan.make(results(LONE, FULL), rate=100.0, p99=150.0, tell=lambda _: None)
    (tmp_path / "file").touch()
    with pytest.raises(OutputInUse):
        plan.write(found, tmp_path / "file", tell=lambda _: None)
