"""The page of the parity table, rendered from the figures alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.parity.cases import CASES
from tests.parity.comparing import TIE, TOLERANCE
from tests.parity.measuring import FORMATS
from tests.parity.subjects import MINILM
from tests.support.families import FAMILIES

Figures = Mapping[str, Any]

INTRODUCTION = f"""# Parity: what is served is what the original library answers

Each cell is one checkpoint that `tritext build` turned into a model in fp32, served by a real Triton and asked through
the client, many texts at once in mixed order; the original library was asked for the same, one text at a time. Tiny
checkpoints with random weights stand for their families, each with a tokenizer as its family has it, so that anything
that is handled differently shows; MiniLM is a real one.

A cell passes if every answer has the labels, spans and order of the original, and every score lies within {TOLERANCE:g}
of it. `python -m tests.parity` makes this page and exits with status 1 if a cell fails; finished cells are kept.

A cell reads: texts · share of identical answers · largest difference of a score. **Near ties**: answers that differ from
the original's only in the order of places whose scores lie within {TIE:g} of each other, or within that of a place that was
not asked for; they are not counted as identical. **Refused**: asks that the original library itself refuses (an empty text
in zero-shot, a mask that is cut off); they are no answers, and are not among those that were compared. **Refused here
alone**: a text with several masks of which the model's length cuts one off, where the pipeline fills those that are left.
"""


APART = {"tied": "near ties", "refused": "refused", "stricter": "refused here alone"}


def render(facts: Figures, cells: Mapping[str, Figures]) -> str:
    parts = [INTRODUCTION, _circumstances(facts), _summary(cells)]
    parts += [_table(name, cells) for name in CASES]
    return "\n".join(parts)


def _circumstances(facts: Figures) -> str:
    machine = facts["machine"]
    libraries = ", ".join(f"{name} {number}" for name, number in facts["libraries"].items())
    return (
        f"Made on {facts['date'][:10]} on {machine['cores']} cores of {machine['cpu']} with {machine['memory_gib']} GiB "
        f"({machine['system']}), Python {facts['python']}, {libraries}.\n\nTexts: {facts['texts']}.\n"
    )


def _summary(cells: Mapping[str, Figures]) -> str:
    lines = [
        "| | cells | pass | answers compared | near ties | refused | largest difference |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [_summary_line(name, _of_case(name, cells)) for name in CASES]
    return "\n".join([*lines, _summary_line("**all**", list(cells.values())), ""])


def _summary_line(name: str, cells: Sequence[Figures]) -> str:
    made = [cell for cell in cells if "answers" in cell]
    sums = {key: sum(cell[key] for cell in made) for key in ("answers", "tied", "refused")}
    largest = max((cell["largest_difference"] for cell in made), default=0.0)
    passed = sum(cell["passed"] for cell in cells if "answers" in cell or not cell["passed"])
    count = sum("answers" in cell or not cell["passed"] for cell in cells)
    return f"| {name} | {count} | {passed} | {sums['answers']:,} | {sums['tied']} | {sums['refused']:,} | {largest:.1e} |"


def _of_case(name: str, cells: Mapping[str, Figures]) -> list[Figures]:
    return [cell for key, cell in cells.items() if key.split("/")[0] == name]


def _table(name: str, cells: Mapping[str, Figures]) -> str:
    case = CASES[name]
    head = [f"## {name}", "", f"Against {case.oracle}: {case.asks}.", ""]
    lines = [f"| family | {' | '.join(FORMATS)} |", f"|---|{'---|' * len(FORMATS)}"]
    for family in (*FAMILIES, MINILM):
        found = [cells.get(f"{name}/{family}/{form}") for form in FORMATS]
        lines.append(f"| {family} | {' | '.join(map(_cell, found))} |")
    return "\n".join([*head, *lines, ""])


def _cell(figures: Figures | None) -> str:
    if figures is None:
        return "not made yet"
    if "answers" not in figures:
        return figures["reason"] if figures["passed"] else f"**fails**: {figures['reason']}"
    share = figures["identical"] / figures["answers"] if figures["answers"] else 0.0
    text = f"{figures['texts']} · {_percent(share)} · {figures['largest_difference']:.1e}"
    apart = [f"{figures[key]} {what}" for key, what in APART.items() if figures.get(key)]
    shown = f"{text} ({', '.join(apart)})" if apart else text
    return shown if figures["passed"] else f"**fails**: {shown}"


def _percent(share: float) -> str:
    """Never rounded up to all of them."""
    return "100 %" if share == 1 else f"{int(share * 100000) / 1000:.3f} %"
