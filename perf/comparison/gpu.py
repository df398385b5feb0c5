"""Sequences a second of large networks through the whole server: `python -m comparison.gpu CHECKPOINT --data FILE`.

Meant for a machine with a GPU, beside a figure that NVIDIA published; runs on any, `--sizes tiny` in a minute.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from tokenizers import Tokenizer

from comparison import load
from comparison.base import BASE, LARGE, TINY, random_bert
from comparison.processes import Failed
from comparison.program import Data, Output, keep, run, texts_of
from comparison.system import Figures
from comparison.texts import Mix, Mixes
from comparison.tritext_system import MODEL, TritextSystem, serving
from tritext.checkpoints import cache_folder
from tritext.console import err, out
from tritext_serving.plan import has_gpu

SIZES = {"tiny": TINY, "base": BASE, "large": LARGE}

PUBLISHED = 544
"""Sequences a second: BERT-large, 384 tokens, fp16, TensorRT, A100 80 GB (NVIDIA DeepLearningExamples, Triton 21.10)."""

PUBLISHED_FOR = ("large", "384 tokens")

MOST = 500
"""Texts of each mix."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One network, one mix of lengths."""

    size: str
    mix: str
    mean_tokens: float
    figures: Figures

    @property
    def over_published(self) -> float | None:
        """How many times as many as published, for the one case that was."""
        is_theirs = (self.size, self.mix) == PUBLISHED_FOR
        return round(self.figures.throughput / PUBLISHED, 2) if is_theirs else None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "over_published": self.over_published}


def main(
    checkpoint: Annotated[
        Path, typer.Argument(help="A text classifier, whose tokenizer and labels are taken.")
    ],
    data: Data,
    sizes: Annotated[str, typer.Option(help=f"Networks: {', '.join(SIZES)}.")] = "base,large",
    lengths: Annotated[
        str, typer.Option(help="Tokens of a text; the last also limits the mixed ones.")
    ] = "128,384",
    format_: Annotated[str, typer.Option("--format", help="As `tritext build` takes it.")] = "torchscript",
    precision: Annotated[str, typer.Option(help="As `tritext build` takes it.")] = "fp16",
    users: Annotated[int, typer.Option(help="Texts on the way at once.", min=1)] = 256,
    seconds: Annotated[float, typer.Option(help="How long each case is measured.", min=0.1)] = 20.0,
    work: Annotated[Path | None, typer.Option(help="Where models are built.")] = None,
    output: Output = None,
) -> None:
    """Build networks with random weights, serve them, and keep so many users waiting all the time."""
    chosen = {name: SIZES.get(name) for name in sizes.split(",")}
    if None in chosen.values():
        raise Failed(f"--sizes knows {', '.join(SIZES)}, not {sizes!r}")
    limits = _limits(lengths)
    place = work or cache_folder() / "comparison" / "gpu"
    texts = texts_of(data, MOST)
    found: list[Measured] = []
    for name, size in chosen.items():
        assert size  # noqa: S101 - the unknown were refused
        taught = random_bert(checkpoint, size, place / name / "checkpoint")
        for limit in limits:
            system = _system(taught, place / name / str(limit), format_, precision, limit)
            mixes = _mixes(taught, texts, limit, mixed=limit == limits[-1])
            found += _measured(name, system, mixes, users=users, seconds=seconds)
    _show(found, precision)
    report = {"format": format_, "precision": precision, "users": users, "seconds": seconds}
    report |= {"gpu": has_gpu(), "published": PUBLISHED, "measured": [one.as_dict() for one in found]}
    keep(report, output)


def _limits(lengths: str) -> list[int]:
    if not all(length.isdecimal() and int(length) > 2 for length in lengths.split(",")):  # noqa: PLR2004 - special tokens
        raise Failed(f"--lengths takes numbers of tokens such as 128,384, not {lengths!r}")
    return [int(length) for length in lengths.split(",")]


def _system(checkpoint: Path, work: Path, format_: str, precision: str, limit: int) -> TritextSystem:
    work.mkdir(parents=True, exist_ok=True)
    return TritextSystem(
        checkpoint=checkpoint, work=work, format=format_, precision=precision, max_length=limit
    )


def _mixes(checkpoint: Path, texts: Sequence[str], limit: int, *, mixed: bool) -> list[tuple[str, Mix]]:
    """Texts that are all cut off at the limit, and those of people's lengths."""
    make = Mixes(Tokenizer.from_file(str(checkpoint / "tokenizer.json")), limit, most=MOST)
    found = [(f"{limit} tokens", make.longest(texts))]
    return [*found, ("mixed", make.long_tailed(texts))] if mixed else found


def _measured(
    size: str, system: TritextSystem, mixes: Sequence[tuple[str, Mix]], *, users: int, seconds: float
) -> Iterator[Measured]:
    err.print(f"{size}, up to {system.max_length} tokens: building and serving")
    system.build()
    with serving(system.repository, MODEL, log=system.repository.with_suffix(".serve.log")) as served:
        for name, mix in mixes:
            bodies = served.server.bodies(mix.texts)
            requests = [served.server.address.request(body) for body in bodies]
            seen = load.closed(served.server.address, requests, users=users, seconds=seconds)
            yield Measured(size=size, mix=name, mean_tokens=mix.lengths["mean"], figures=Figures.of(seen))


def _show(found: Sequence[Measured], precision: str) -> None:
    table = Table("network", "texts", "tokens", "sequences/s", "tokens/s", "p50 ms", "p99 ms", "published")
    for one in found:
        figures, times = one.figures, one.over_published
        table.add_row(
            f"{one.size}, {precision}",
            one.mix,
            f"{one.mean_tokens:.0f}",
            f"{figures.throughput:,.1f}",
            f"{figures.throughput * one.mean_tokens:,.0f}",
            f"{figures.p50:,.0f}",
            f"{figures.p99:,.0f}",
            "" if times is None else f"{PUBLISHED} ({times:.2f}×)",
        )
    out.print(table)


if __name__ == "__main__":
    run(main)
