"""`python -m comparison`: measures Tritext, its ceilings and its peers side by side, part after part, and renders the page."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from tokenizers import Tokenizer

from comparison import base, page, rounds
from comparison.page import PARTS
from comparison.parts import BUSY, Case, Part, Subject
from comparison.processes import Failed
from comparison.program import run
from comparison.rounds import Care
from comparison.samples import Samples
from comparison.system import System
from comparison.texts import Mix, Mixes
from tritext.checkpoints import cache_folder, sha256
from tritext.console import err

RATES = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
"""Of what a system does at most, the rates at which texts arrive."""
CROWDS = (BUSY, 200, 512)
"""Users that a server must bear without losing speed."""


def main(
    checkpoint: Annotated[
        Path, typer.Argument(help="A text classifier's folder, as `tritext train` writes it.")
    ],
    data: Annotated[Path, typer.Option(help="Its texts with their labels: CSV, TSV, JSONL, Parquet.")],
    texts: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE: other texts, for the part on lengths.")
    ] = None,
    parts: Annotated[str, typer.Option(help="Which parts.")] = ",".join(PARTS),
    only: Annotated[str, typer.Option(help="Only systems whose names have one of these in them.")] = "",
    rounds_: Annotated[int, typer.Option("--rounds", help="How often each is measured.", min=1)] = 3,
    seconds: Annotated[float, typer.Option(help="How long each time.", min=0.1)] = 4.0,
    busy: Annotated[  # noqa: FBT002 - an option of the command line
        bool,
        typer.Option(
            "--busy", help="The machine has other work: of lengths and ceilings, show processor time alone."
        ),
    ] = False,
    most: Annotated[int, typer.Option(help="Texts of each mix.", min=2)] = 500,
    max_length: Annotated[int, typer.Option(help="The most tokens of a text.")] = 512,
    output: Annotated[
        Path | None, typer.Option(help="Where raw files go; finished parts are skipped.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Where models are built; remove it to build anew.")
    ] = None,
    environments: Annotated[Path | None, typer.Option(help="Where the peers' environments are.")] = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(help="Raw files of earlier runs, for the page's parts that this one lacks."),
    ] = None,
    write_page: Annotated[Path | None, typer.Option("--page", help="Where to render all raw files.")] = None,
) -> None:
    """Measure side by side: each system in turn, round after round, the same texts, the same load generator."""
    wanted = _parts(parts)
    identity = _identity(checkpoint, max_length)
    place = work or cache_folder() / "comparison"
    results = output or Path("perf/results") / f"{datetime.now().astimezone():%Y-%m-%d}" / "comparison"
    subject = Subject(
        checkpoint=checkpoint.resolve(),
        work=(place / identity / "small").resolve(),
        environments=(environments or place / "environments").resolve(),
        max_length=max_length,
        eval_data=data.resolve(),
    )
    subject.work.mkdir(parents=True, exist_ok=True)
    plan = Plan(subject, _mixes(subject, data, texts or [], most), only, results)
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err
    ) as progress:
        task = progress.add_task("", total=None)
        for name in wanted:
            if _is_kept(results / f"{name}.json", identity):
                continue
            part = plan.part(name)
            rounds.measure(
                part,
                Care(rounds=rounds_, seconds=seconds, busy=busy),
                plan.labels(part),
                lambda what: progress.update(task, description=what),
                identity=identity,
                raw_file=results / f"{name}.json",
            )
    if write_page:
        page.write([*(earlier or []), results], write_page)


def _parts(names: str) -> list[str]:
    """The parts that are asked for.

    Raises:
        Failed: One is none.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in PARTS:
            raise Failed(f"there is no part {name!r}; there are {', '.join(PARTS)}")
    return wanted


def _identity(checkpoint: Path, max_length: int) -> str:
    """What tells everything that is built and measured for one checkpoint from that of any other.

    Raises:
        Failed: It is no checkpoint.
    """
    files = [checkpoint / name for name in ("config.json", "tokenizer.json", "model.safetensors")]
    for file in files:
        if not file.is_file():
            raise Failed(f"{checkpoint} is no checkpoint that can be compared: there is no {file.name} in it")
    content = "".join(map(sha256, files)) + str(max_length)
    return f"{checkpoint.resolve().name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _is_kept(path: Path, identity: str) -> bool:
    """Whether a part was measured before.

    Raises:
        Failed: It was, with something else.
    """
    kept = Samples.read(path)
    if kept and kept.document.get("identity") != identity:
        raise Failed(
            f"{path} holds another checkpoint's figures: name another folder with --output, or remove it"
        )
    return kept is not None


class Plan:
    """What each part is made of."""

    def __init__(self, subject: Subject, mixes: Sequence[Mix], only: str, results: Path) -> None:
        self._small = subject
        self._mixes = mixes
        self._only = tuple(word for word in only.split(",") if word)
        self._results = results
        self._labels: dict[tuple[Path, str], Sequence[str]] = {}

    def part(self, name: str) -> Part:
        """The part of that name, which is one of `PARTS`."""
        subject = base.subject(self._small) if name.startswith("base") else self._small
        return self._part(name, subject, self._systems(name, subject), self._cases(name))

    def _systems(self, part: str, subject: Subject) -> list[System]:
        ours = subject.tritext(padded=part.endswith("lengths"))
        others = [] if part in ("ceilings", "crowds") or part.endswith("lengths") else subject.peers()
        ceilings = [] if part in ("crowds", "arrivals") else subject.ceilings()
        return [*ours, *others, *ceilings]

    def _cases(self, part: str) -> list[Case]:
        first = self._mixes[0]
        if part == "arrivals":
            return self._arrivals(first)
        if part in ("lengths", "base_lengths"):
            return [Case(mix=mix, users=BUSY) for mix in self._mixes]
        if part == "ceilings":
            return [Case(mix=mix, users=BUSY) for mix in self._mixes[:2]]
        users = {"peers": (1, BUSY, 200), "crowds": CROWDS, "base": (BUSY,)}[part]
        return [Case(mix=first, users=count) for count in users]

    def _part(self, name: str, subject: Subject, systems: Sequence[System], cases: Sequence[Case]) -> Part:
        chosen = [one for one in systems if not self._only or any(word in one.name for word in self._only)]
        if not chosen:
            raise Failed(
                f"--only names no system of {name}; there are {', '.join(one.name for one in systems)}"
            )
        return Part(name=name, checkpoint=subject.checkpoint, systems=chosen, cases=cases)

    def _arrivals(self, mix: Mix) -> list[Case]:
        """Rates up to what Tritext did at most in the part `peers`."""
        peers = Samples.read(self._results / "peers.json")
        if peers is None:
            raise Failed("arrivals are a share of what the part `peers` finds, which must come first")
        best = peers.best(peers.of_kind("tritext"), users=BUSY)
        highest = (best and peers.median(best, users=BUSY)) or 0.0
        return [Case(mix=mix, rate=round(share * highest, -1) or 10.0) for share in RATES]

    def labels(self, part: Part) -> Mapping[str, Sequence[str]]:
        """What the original says to each text."""
        subject = self._small if part.checkpoint == self._small.checkpoint else base.subject(self._small)
        wanted = {case.mix.name: case.mix for case in part.cases}
        missing = [mix for mix in wanted.values() if (part.checkpoint, mix.name) not in self._labels]
        if missing:
            with subject.original().started() as original:
                for mix in missing:
                    self._labels[part.checkpoint, mix.name] = [
                        str(label) for label in original.labels(mix.judged)
                    ]
        return {name: self._labels[part.checkpoint, name] for name in wanted}


def _mixes(subject: Subject, data: Path, others: Sequence[str], most: int) -> list[Mix]:
    """The data itself first, the long-tailed mix second."""
    tokenizer = Tokenizer.from_file(str(subject.checkpoint / "tokenizer.json"))
    make = Mixes(tokenizer, subject.max_length, most=most)
    first = make.of_file(data.stem, data)
    named = [other.partition("=")[::2] for other in others]
    for name, path in named:
        if not name or not path:
            raise Failed(f"--texts takes NAME=FILE, not {name or path!r}")
    return [
        first,
        make.long_tailed(first.texts),
        make.short(first.texts),
        *(make.of_file(name, Path(path)) for name, path in named),
        make.longest(first.texts),
    ]


if __name__ == "__main__":
    run(main)
