"""The same texts to two versions of text classifiers through the running server; their answers become `Changes`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tritext.client import Client
from tritext.pairs import read_pairs, read_plain_pairs
from tritext.records import NoSuchColumn, read_labelled_texts, read_texts
from tritext.results import Label, ServedModel
from tritext_perf.evaluation import Options
from tritext_perf.evaluation.labels import check_labels
from tritext_perf.version_report.changes import Changes, Decision, Row
from tritext_perf.version_report.errors import NotComparable, SameVersion

Advance = Callable[[int], None]

TASK = "text-classification"
SUM_TOLERANCE = 0.02
"""By how much the probabilities of labels that exclude each other may miss 1, in a reduced precision."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two: a version that is ready, and its labels."""

    client: Client
    model: ServedModel
    version: str
    labels: tuple[str, ...]
    server: str = ""
    """Told only where the name and the version do not tell the two apart."""

    def __str__(self) -> str:
        where = f" at {self.server}" if self.server else ""
        return f"{self.model.name}/{self.version}{where}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The data: texts or pairs of texts, and the labels of each where the file has them."""

    path: Path
    items: Sequence[Any]
    truth: tuple[tuple[str, ...], ...] | None
    multi_label: bool


def side(client: Client, wanted: str) -> Side:
    """The served version that NAME/VERSION or NAME (the newest) means.

    Raises:
        ClientError: The server has none, or does not answer.
        NotComparable: It does not give labels to texts.
    """
    name, _, version = wanted.partition("/")
    model = client.model(name, version=version)
    if model.task != TASK:
        raise NotComparable(model=name, reason=f"its task is {model.task or 'not said in its configuration'}")
    labels = tuple(client.labels(name, version=version))
    if len(labels) < 2:  # noqa: PLR2004
        raise NotComparable(model=name, reason="it predicts a number instead of labels")
    return Side(client=client, model=model, version=version or str(max(model.versions)), labels=labels)


def sides(first: Side, second: Side, *, servers: tuple[str, str]) -> tuple[Side, Side]:
    """Both, which must take the same and be two.

    Raises:
        TritextError: They are not.
    """
    one, other = first, second
    if str(one) == str(other):
        if servers[0] == servers[1]:
            raise SameVersion(version=str(one))
        one, other = (
            replace(each, server=server) for each, server in zip((one, other), servers, strict=True)
        )
    if _takes_pairs(one) != _takes_pairs(other):
        pairs, single = (one, other) if _takes_pairs(one) else (other, one)
        raise NotComparable(
            model=str(pairs), reason=f"it takes pairs of texts, and {single} takes single ones"
        )
    return one, other


def read(path: Path, one: Side, other: Side, options: Options) -> Asked:
    """The data, with labels where there is a column of them.

    Raises:
        TritextError: The file is not usable, or names labels that neither version has.
    """
    asked = _labelled(path, options, pairs=_takes_pairs(one)) or _plain(
        path, options, pairs=_takes_pairs(one)
    )
    if asked.truth is not None:
        check_labels(asked.truth, (*one.labels, *other.labels), path=path)
    return asked


def _takes_pairs(which: Side) -> bool:
    return which.model.input("TEXT_PAIR") is not None


def _labelled(path: Path, options: Options, *, pairs: bool) -> Asked | None:
    """None where the file has no column of labels and none was named."""
    if path.suffix.lower() == ".txt":
        return None
    reader, texts = (read_pairs, ("text", "text_pair")) if pairs else (read_labelled_texts, ("text",))
    separator = options.label_separator
    try:
        data = reader(
            path, **options.named(*texts), label_column=options.truth_column, label_separator=separator
        )
    except NoSuchColumn:
        if options.truth_column is not None or separator is not None:
            raise
        return None
    items = data.texts if data.text_pairs is None else tuple(zip(data.texts, data.text_pairs, strict=True))
    return Asked(path=path, items=items, truth=data.labels, multi_label=data.multi_label)


def _plain(path: Path, options: Options, *, pairs: bool) -> Asked:
    items: Sequence[Any]
    if pairs:
        items = read_plain_pairs(path, **options.named("text", "text_pair"))
    else:
        items = read_texts(path, **options.named("text"))
    return Asked(path=path, items=items, truth=None, multi_label=False)


def compare(one: Side, other: Side, asked: Asked, *, threshold: float, advance: Advance) -> Changes:
    """Ask both about every text, one version after the other."""
    first, second = (list(_scores(which, asked.items, advance)) for which in (one, other))
    if asked.truth is None:
        asked = replace(asked, multi_label=not all(map(_excludes, (*first, *second))))
    truth = asked.truth or (None,) * len(asked.items)
    rows = [
        Row(
            text=item if isinstance(item, str) else "\n".join(item),
            expected=expected,
            first=_decided(before, asked, threshold),
            second=_decided(after, asked, threshold),
        )
        for item, expected, before, after in zip(asked.items, truth, first, second, strict=True)
    ]
    return Changes(
        first=str(one), second=str(other), data=str(asked.path), rows=rows, multi_label=asked.multi_label
    )


def _scores(which: Side, items: Sequence[Any], advance: Advance) -> Iterator[dict[str, float]]:
    answers = which.client.stream(which.model.name, items, version=which.version, top_k="all")
    for answer in answers:
        advance(1)
        yield _named(answer)


def _named(answer: Sequence[Label]) -> dict[str, float]:
    return {each.label: each.score for each in answer}


def _excludes(scores: dict[str, float]) -> bool:
    """Whether these may be the probabilities of labels of which exactly one holds."""
    return abs(sum(scores.values()) - 1) < SUM_TOLERANCE


def _decided(scores: dict[str, float], asked: Asked, threshold: float) -> Decision:
    if not asked.multi_label:
        return Decision(labels=(max(scores, key=scores.__getitem__),), scores=scores)
    reached = sorted(label for label, score in scores.items() if score >= threshold)
    return Decision(labels=tuple(reached), scores=scores)
