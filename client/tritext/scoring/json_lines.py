"""JSON Lines of any size: an object a line, or a text a line."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext.scoring.inputs import Position, Row
from tritext.scoring.lines import Lines, lines_of
from tritext.tables import NoRows

INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """A file of JSON objects.

    Attributes:
        types: By column, the Arrow type that holds all its values.
    """

    path: Path
    columns: tuple[str, ...]
    start: Position
    total: int
    types: Mapping[str, str]

    def rows(self, since: Position, *, read: Collection[str], carry: Sequence[str]) -> Iterator[Row]:  # noqa: ARG002
        with lines_of(self.path, since) as lines:
            yield from _rows(lines)

    def arrow_fields(self, names: Sequence[str]) -> list[Any]:
        import pyarrow as pa  # noqa: PLC0415

        return [pa.field(name, pa.type_for_alias(self.types[name])) for name in names]


def open_json_lines(path: Path, wanted: Sequence[str]) -> JsonLines:  # noqa: ARG001
    """A JSONL file, which is read once to learn its columns: any object may have keys that no other has."""
    types: dict[str, str | None] = {}
    is_empty = True
    with lines_of(path, Position()) as lines:
        for row in _rows(lines):
            is_empty = False
            for name, value in row.record.items():
                types[name] = _wider(types.get(name), value)
        behind = lines.position
    if is_empty:
        raise NoRows(path=path)
    return JsonLines(
        path=path,
        columns=tuple(types),
        start=Position(),
        total=behind.at,
        types={name: found or "string" for name, found in types.items()},
    )


def _rows(lines: Lines) -> Iterator[Row]:
    while True:
        lines.begin()
        line = next(lines, None)
        if line is None:
            return
        if line.strip():
            record, problem = _record(line)
            yield Row(
                place=f"line {lines.first}",
                record=record,
                after=lines.position,
                problem=lines.problem or problem,
            )


def _record(line: str) -> tuple[dict[str, Any], str]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return {}, f"this is not valid JSON ({error.msg})"
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        return {}, f"this JSON cannot be read ({error})"
    if isinstance(value, str):
        return {"text": value}, ""
    if not isinstance(value, dict):
        return {}, f"expected a JSON object, got {line.strip():.60}"
    return value, ""


def _wider(known: str | None, value: Any) -> str | None:
    """The Arrow type for a value and those before it; what is of several kinds, or nested, is written as text."""
    if value is None:
        return known
    if isinstance(value, bool):
        own = "bool"
    elif isinstance(value, int):
        own = "int64" if value in INT64 else "string"
    else:
        own = "double" if isinstance(value, float) else "string"
    if known in {None, own}:
        return own
    return "double" if {known, own} == {"int64", "double"} else "string"
