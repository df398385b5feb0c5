"""Cells of the page: numbers, ratios and titles in Markdown."""

from collections.abc import Iterator, Sequence

from comparison.samples import Samples


def care(samples: Samples) -> str:
    settings = samples.document["settings"]
    return f"{settings['rounds']} times {settings['seconds']:g} seconds"


def table_head(cells: Sequence[str]) -> Iterator[str]:
    yield row(*cells)
    yield "|---" * len(cells) + "|"


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def title_of(facts: object) -> str:
    title = facts["title"]  # type: ignore[index]
    return f"**{title}**" if facts["kind"] == "tritext" else str(title)  # type: ignore[index]


def mean_tokens(samples: Samples, mix: str) -> float:
    return float(samples.mixes[mix]["tokens"]["mean"])


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"  # noqa: PLR2004


def share(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.0%}"


def times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}×"
