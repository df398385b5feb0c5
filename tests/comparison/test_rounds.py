"""A part is measured case by case, and an interrupted one goes on where it was."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from comparison import rounds
from comparison.parts import Case, Part
from comparison.rounds import Care
from comparison.system import Figures, Kind
from comparison.texts import Mix

MIX = Mix(name="mails", texts=("a", "b"), labels=("x", "y"), lengths={"mean": 3.0})


@dataclass
class Running:
    """Counts what it is asked, and may break off like a user who has waited long enough."""

    breaks_at: int = 0
    asked: list[int] = field(default_factory=list)

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def labels(self, texts: Sequence[str]) -> list[str | None]:
        return ["x" for _ in texts]

    def closed(self, texts: Sequence[str], *, users: int, seconds: float) -> Figures:
        del texts, seconds
        if len(self.asked) + 1 == self.breaks_at:
            raise KeyboardInterrupt
        self.asked.append(users)
        return Figures(throughput=float(users))

    def poisson(self, texts: Sequence[str], *, rate: float, seconds: float, seed: int) -> Figures:
        del texts, seconds, seed
        self.asked.append(int(rate))
        return Figures(throughput=rate, p50=1.0 if rate < 200 else 1500.0)


@dataclass(frozen=True)
class Fake:
    running: Running
    name: str = "one"
    title: str = "One"
    kind: Kind = "peer"
    precision: str = "fp32"
    remark: str = "as is"

    @contextmanager
    def started(self) -> Iterator[Running]:
        yield self.running


USERS = tuple(Case(mix=MIX, users=users) for users in (1, 64))
RATES = tuple(Case(mix=MIX, rate=rate) for rate in (100.0, 200.0, 300.0))


def measure(
    running: Running, raw_file: Path, *, identity: str = "mails-1", cases: Sequence[Case] = USERS
) -> None:
    part = Part(name="peers", checkpoint=Path("mails"), systems=[Fake(running)], cases=cases)
    rounds.measure(
        part,
        Care(rounds=2, seconds=1),
        {"mails": ["x", "x"]},
        lambda _: None,
        identity=identity,
        raw_file=raw_file,
    )


def test_an_interrupted_part_goes_on_after_the_last_case(tmp_path: Path) -> None:
    raw_file = tmp_path / "peers.json"
    with pytest.raises(KeyboardInterrupt):
        measure(Running(breaks_at=3), raw_file)
    assert not raw_file.exists()
    second = Running()
    measure(second, raw_file)
    assert second.asked == [1, 64]
    document = json.loads(raw_file.read_text())
    assert [(sample["round"], sample["users"]) for sample in document["samples"]] == [
        (0, 1),
        (0, 64),
        (1, 1),
        (1, 64),
    ]
    assert document["systems"]["one"]["quality"]["mails"] == {"agreement": 1.0, "accuracy": 0.5}
    assert [path.name for path in tmp_path.iterdir()] == ["peers.json"]


def test_what_another_checkpoint_left_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure(Running(breaks_at=3), tmp_path / "peers.json")
    other = Running()
    measure(other, tmp_path / "peers.json", identity="letters-2")
    assert other.asked == [1, 64, 1, 64]


def test_who_has_fallen_behind_is_not_asked_at_higher_rates(tmp_path: Path) -> None:
    running = Running()
    measure(running, tmp_path / "arrivals.json", cases=RATES)
    assert running.asked == [100, 200, 100, 200]
