"""The texts that served models and originals are asked: hostile, of many scripts, all but empty, too long.

Knows no task. Where the corpora are not on this machine, the texts that every build is checked on take their place.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.families import gate_texts

DATA = Path(__file__).parents[3] / "shared" / "data"
"""Where the corpora lie, if they do: `blns/blns.json`, `tatoeba/*`, `vocabs/*`."""

OF_EACH_LANGUAGE = 12

ODD = (
    *("", " ", "\n\t", ".", "\u200b", "\ufeff", "[CLS]", "</s>", "x" * 400),
    *(
        "e\u0301te\u0301 \u0939\u093f\u0928\u094d\u0926\u0940",
        "👩\u200d🚀👩\u200d🚀 🇪🇺",
        "\u202eabc\u202c",
        "a\x00b",
    ),
)
"""Empty and all but empty, one endless word, combining marks, joined emoji, changed direction, a zero byte."""

TEXTS_OF_A_LONG_ONE = 6
LONG_ONES = 20


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """`texts` in an order that mixes lengths; `long` are far longer than a tiny model takes."""

    name: str
    texts: tuple[str, ...]
    long: tuple[str, ...]


def corpus_from(data: Path = DATA) -> Corpus:
    """All of the Big List of Naughty Strings and sentences of each language, odd texts and long ones."""
    naughty = data / "blns" / "blns.json"
    languages = sorted((data / "tatoeba").glob("tatoeba.*"))
    if not naughty.is_file() or not languages:
        return gate_corpus()
    strings: list[str] = json.loads(naughty.read_text(encoding="utf-8"))
    sentences = [line for path in languages for line in _lines(path)[:OF_EACH_LANGUAGE]]
    scripts = f"{len(sentences)} Tatoeba sentences in {len(languages)} languages"
    return _corpus(
        f"all {len(strings)} of the Big List of Naughty Strings, {scripts}",
        [*strings, *sentences],
        sentences,
    )


def gate_corpus(*, every: int = 1) -> Corpus:
    """The texts that come with Tritext, or every so many of them."""
    texts = gate_texts()[::every]
    return _corpus(f"{len(texts)} texts that come with Tritext", texts, texts)


def _corpus(name: str, texts: Sequence[str], prose: Sequence[str]) -> Corpus:
    """With the odd ones and long ones, which are several texts of the prose that lie far apart."""
    count = min(LONG_ONES, len(prose))
    long = [" ".join(prose[first::count][:TEXTS_OF_A_LONG_ONE]) for first in range(count)]
    everything = [*texts, *ODD, *long]
    return Corpus(
        name=f"{name}, {len(ODD)} odd and {len(long)} long ones", texts=_mixed(everything), long=tuple(long)
    )


def _mixed(texts: Sequence[str]) -> tuple[str, ...]:
    """In strides, so that neighbours have nothing in common."""
    stride = 7
    return tuple(text for first in range(stride) for text in texts[first::stride])


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
