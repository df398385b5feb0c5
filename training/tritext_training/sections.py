"""What a report shows of a result: key figures, tables, pictures. Knows no task; tasks fill it, `report` draws it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table: its heading, the key of its values, and how they are drawn.

    A `bar` is a number from 0 to 1 over a bar of that length; a `text` may be long, a `name` is short.
    """

    title: str
    key: str
    kind: Literal["text", "name", "number", "bar"] = "number"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A headed part of the page: a note, a table, a picture (PNG), each of them if there is one."""

    title: str
    note: str = ""
    columns: Sequence[Column] = ()
    rows: Sequence[dict[str, Any]] = ()
    slim: bool = False
    empty: str = ""
    """What is said in place of a table without rows."""
    picture: bytes | None = None
    picture_note: str = ""
    alt: str = ""
    wide: bool = False
    """Whether the picture keeps its size and is scrolled on narrow screens."""


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """The test rows that came out wrong, the worst first. A list as a value stands for several names."""

    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]
    worst: str = "the model was surest of"
    """What makes a row stand first: "the 30 of 91 that …"."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A result as people read it."""

    key_figures: Sequence[tuple[str, str]]
    """Each with its caption, the most important first."""
    sections: Sequence[Section] = field(default=())


def text_columns(*, pairs: bool) -> tuple[Column, ...]:
    """The columns of a text, or of a pair of texts."""
    text, pair = (
        Column(title="text", key="text", kind="text"),
        Column(title="pair", key="text_pair", kind="text"),
    )
    return (text, pair) if pairs else (text,)


def percent(share: float) -> str:
    """0.914 as "91.4 %"."""
    return f"{100 * share:.1f}\N{THIN SPACE}%"


def figure(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"
