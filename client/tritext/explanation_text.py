"""An explanation for the terminal: the text in colours, and the words that matter most as a table. Asks no server."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tritext.explaining import Attribution, Explanation

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Piece = tuple[str, Attribution | None]
"""Part of a text, with the attribution of the word that it is."""

FOR, AGAINST = (86, 156, 255), (255, 150, 80)
"""Blue and orange: told apart by the colour-blind, too."""

FAINT = 0.1
"""Of the strongest attribution: what is weaker gets no colour."""

MOST_ROWS = 20
BAR = 24

BIDI_CONTROLS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}


def pieces(text: str, attributions: Sequence[Attribution]) -> Iterator[Piece]:
    """The whole text in its order, cut where words begin and end."""
    here = 0
    for one in attributions:
        if one.end <= here:
            continue
        if one.start > here:
            yield text[here : one.start], None
        yield text[max(here, one.start) : one.end], one
        here = one.end
    if here < len(text):
        yield text[here:], None


def by_input(texts: Sequence[str], found: Explanation) -> Iterator[tuple[str, list[Attribution]]]:
    """Each text with the attributions of its words."""
    for text, name in zip(texts, ("TEXT", "TEXT_PAIR"), strict=False):
        yield text, [one for one in found.attributions if one.input == name]


def strongest(found: Explanation) -> float:
    """The largest attribution without its sign, as what others are shown against; never 0."""
    return max((abs(one.attribution) for one in found.attributions), default=0.0) or 1.0


def by_weight(found: Explanation) -> list[Attribution]:
    return sorted(found.attributions, key=lambda one: -abs(one.attribution))


def in_words(found: Explanation, texts: Sequence[str]) -> list[str]:
    """What must be known to read the numbers, in sentences."""
    sentences = [
        f"The words raise {found.label!r} from {found.baseline:+.3f} (every word masked) to {found.value:+.3f}, "
        f"by {found.value - found.baseline:+.3f}."
        if found.value >= found.baseline
        else f"The words lower {found.label!r} from {found.baseline:+.3f} (every word masked) to {found.value:+.3f}, "
        f"by {found.value - found.baseline:+.3f}."
    ]
    if not found.attributions:
        return ["There is no word in this text."]
    if found.truncated:
        read = [f"characters {start} to {end}" for start, end in _read(texts, found)]
        sentences.append(f"The text is longer than the model reads; it read {' and '.join(read)}.")
    if not found.exact:
        error = "" if found.error is None else f"; their standard error is {found.error:.3f} at most"
        sentences.append(f"The numbers are estimates from {found.samples} orders of the words{error}.")
    return sentences


def _read(texts: Sequence[str], found: Explanation) -> Iterator[tuple[int, int]]:
    for _, attributions in by_input(texts, found):
        if attributions:
            yield attributions[0].start, attributions[-1].end


def show(console: "Console", texts: Sequence[str], found: Explanation) -> None:
    """Print it: the answer, the coloured text, the sentences, the table."""
    from rich.text import Text  # noqa: PLC0415 - only where something is drawn

    console.print(Text.assemble((shown(found.label), "bold"), f"  {found.score:.4f}"))
    for text, attributions in by_input(texts, found):
        console.print(_coloured(text, attributions, strongest(found)))
    for sentence in in_words(found, texts):
        console.print(Text(shown(sentence)))
    if found.attributions:
        console.print(_table(found))


def _coloured(text: str, attributions: Sequence[Attribution], most: float) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    drawn = Text()
    for piece, one in pieces(text, attributions):
        drawn.append(shown(piece), _style(one.attribution / most) if one else "")
    return drawn


def _style(strength: float) -> str:
    if abs(strength) < FAINT:
        return ""
    red, green, blue = (
        round(255 + (colour - 255) * abs(strength)) for colour in (FOR if strength > 0 else AGAINST)
    )
    return f"black on rgb({red},{green},{blue})"


def _table(found: Explanation) -> "Table":
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    most, rows = strongest(found), by_weight(found)
    table = Table("word", "", caption=_left_out(len(rows)), caption_justify="left")
    table.columns[0].overflow = "fold"
    table.add_column("adds", justify="right", no_wrap=True)
    for one in rows[:MOST_ROWS]:
        strength = one.attribution / most
        bar = Text(
            "█" * math.ceil(abs(strength) * BAR), "rgb({},{},{})".format(*(FOR if strength > 0 else AGAINST))
        )
        table.add_row(Text(shown(" ".join(one.word.split()))), bar, Text(f"{one.attribution:+.4f}"))
    return table


def _left_out(rows: int) -> str | None:
    more = rows - MOST_ROWS
    return f"and {more} weaker ones; --json has them all" if more > 0 else None


def shown(text: str) -> str:
    """The text without what would give a terminal orders."""
    return "".join(map(_harmless, text))


def _harmless(character: str) -> str:
    if character in "\n\t":
        return character
    if unicodedata.category(character) == "Cc" or ord(character) in BIDI_CONTROLS:
        return "\N{REPLACEMENT CHARACTER}"
    return character
