"""An explanation as one HTML page that needs nothing else: no script, no font, no request. Every text is escaped."""

import html
from collections.abc import Sequence
from pathlib import Path

from tritext.errors import TritextError
from tritext.explaining import Attribution, Explanation
from tritext.explanation_text import FAINT, by_input, by_weight, in_words, pieces, strongest

STYLE = """
:root { color-scheme: light dark; --for: 31, 111, 235; --against: 219, 98, 24; }
@media (prefers-color-scheme: dark) { :root { --for: 88, 150, 255; --against: 255, 140, 70; } }
body { font: 16px/1.6 system-ui, sans-serif; margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.3rem; line-height: 1.3; overflow-wrap: anywhere; }
.text { border: 1px solid #8885; border-radius: .5rem; padding: .8rem 1rem; margin: 1rem 0; line-height: 2;
  white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }
.text span { border-radius: .25rem; padding: .1rem 0; }
.for { background: rgba(var(--for), var(--strength)); border-bottom: 2px solid rgb(var(--for)); }
.against { background: rgba(var(--against), var(--strength)); border-bottom: 2px dotted rgb(var(--against)); }
.legend span { padding: .1rem .4rem; border-radius: .25rem; --strength: .5; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { text-align: left; padding: .25rem .5rem .25rem 0; border-bottom: 1px solid #8883; overflow-wrap: anywhere; }
th:nth-child(3), td:nth-child(3) { text-align: right; font-variant-numeric: tabular-nums; width: 6rem; }
.bar { height: .8rem; border-radius: .2rem; border: 0; }
.muted { opacity: .75; font-size: .9rem; }
"""

METHOD = (
    "The numbers are Shapley values of the label's logit (of a model that answers a number, of the number): what a word "
    "adds to it when it is uncovered, on average over the orders in which the words can be uncovered. A covered word has "
    "the mask token in its place. The numbers' sum is the difference between the whole text and the text with every word "
    "covered. They say what this model does, not what is right."
)


class CannotWritePage(TritextError):
    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"Cannot write the page {path}: {reason}.")


def write(path: Path, content: str) -> None:
    """Write the page to a file.

    Raises:
        CannotWritePage: There is no such folder, or it is not ours to write to.
    """
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CannotWritePage(path=path, reason=(error.strerror or str(error)).lower()) from error


def page(name: str, texts: Sequence[str], found: Explanation) -> str:
    """The page about the answer of the model `name` to the texts."""
    title = f"Why {name} says {found.label}"
    most = strongest(found)
    paragraphs = "".join(
        f'<p class="text" dir="auto">{_coloured(text, attributions, most)}</p>'
        for text, attributions in by_input(texts, found)
    )
    notes = "".join(f"<p>{_safe(sentence)}</p>" for sentence in in_words(found, texts))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{_safe(title)}</title>
<style>{STYLE}</style>
<h1>{_safe(name)}: <bdi>{_safe(found.label)}</bdi> {found.score:.4f}</h1>
{paragraphs}
<p class="legend"><span class="for">for {_safe(found.label)}</span> <span class="against">against it</span></p>
{notes}
{_table(found, most)}
<p class="muted">{_safe(METHOD)}</p>
</html>
"""


def _coloured(text: str, attributions: Sequence[Attribution], most: float) -> str:
    return "".join(
        _word(piece, one, one.attribution / most) if one else _safe(piece)
        for piece, one in pieces(text, attributions)
    )


def _word(piece: str, one: Attribution, strength: float) -> str:
    side = "faint" if abs(strength) < FAINT else "for" if strength > 0 else "against"
    depth = f"{0.75 * abs(strength):.3f}"
    return f'<span class="{side}" style="--strength: {depth}" title="{one.attribution:+.4f}">{_safe(piece)}</span>'


def _table(found: Explanation, most: float) -> str:
    rows = "".join(_row(one, one.attribution / most) for one in by_weight(found))
    return f"<table><tr><th>word<th><th>adds</tr>{rows}</table>" if rows else ""


def _row(one: Attribution, strength: float) -> str:
    side = "for" if strength > 0 else "against"
    bar = f'<div class="bar {side}" style="--strength: 1; width: {100 * abs(strength):.1f}%"></div>'
    return f"<tr><td><bdi>{_safe(one.word)}</bdi><td>{bar}<td>{one.attribution:+.4f}</tr>"


def _safe(text: str) -> str:
    """Escaped, and without the control characters that HTML forbids."""
    harmless = "".join(
        character if character >= " " or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )
    return html.escape(harmless)
