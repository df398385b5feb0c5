"""What is compared: for each task its kinds of model, what they are asked, who knows the right answer, what is the same.

A new task has one entry in `CASES`. Knows no family, no format and no server.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from tests.parity import originals
from tests.parity.comparing import Outcome, Scored, by_place, in_order, ranked, together, vectors
from tests.parity.corpus import Corpus
from tests.parity.originals import Call, Original
from tritext_build.tasks.task import DEFAULT_OPTIONS, TaskOptions

SOME = 8
"""Where every text has been asked in one way, one of so many is asked in the other ways, too."""

CANDIDATES = (
    ("travel", "cooking", "a complaint", "日本語"),
    ("urgent", "not urgent"),
    ("شكوى", "grüße 😀", "news"),
)
QUESTIONS = ("Who?", "What is it about?", "Wann war das?", "谁", "Что?")
PASSAGES = 20
BEST = 3
STRIDE = 16
FILLINGS = 5
MASKED_WITHIN = 20
"""Characters of a text behind which no mask stands, so that few are cut off."""
STRATEGIES = ("simple", "first", "average", "max")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of model.

    Attributes:
        task: By Hugging Face's name.
        head: Of the checkpoint, by the name in `tests.support.families`.
        asks: What is asked and how, for the page.
        calls: The client's calls that ask a corpus of a checkpoint in some folder.
        original: Who knows the right answer.
        oracle: What that is, for the page.
        compare: A served answer with the original's, of which so much was asked for, or all.
        lacks: Why the oracle is not on this machine, if it is not.
        size: How many texts an item holds.
        stricter: How the sentence reads by which the server refuses on purpose what the original answers in part.
    """

    task: str
    head: str
    asks: str
    calls: Callable[[Corpus, Path], list[Call]]
    original: Original
    oracle: str
    compare: Callable[[Any, Any, int | None], Outcome]
    lacks: Callable[[], str | None] = lambda: None
    options: TaskOptions = DEFAULT_OPTIONS
    size: Callable[[Any], int] = lambda _item: 1
    stricter: str | None = None


def _some(corpus: Corpus) -> tuple[str, ...]:
    return corpus.texts[::SOME]


# ---- labels


def _label_calls(corpus: Corpus, _checkpoint: Path) -> list[Call]:
    return _in_every_way(corpus.texts, _some(corpus))


def _pair_calls(corpus: Corpus, _checkpoint: Path) -> list[Call]:
    pairs = list(zip(corpus.texts, corpus.texts[1:] + corpus.texts[:1], strict=True))
    return _in_every_way(pairs, pairs[::SOME])


def _in_every_way(items: Sequence[Any], some: Sequence[Any]) -> list[Call]:
    functions = [
        {"function_to_apply": function, "top_k": None} for function in ("sigmoid", "softmax", "none")
    ]
    return [
        Call(items=items, options={"top_k": "all"}, original={"top_k": None}),
        Call(items=some, original={"top_k": 1}),
        *(Call(items=some, options={**way, "top_k": "all"}, original=way) for way in functions),
    ]


def _labels(answer: Any) -> list[Scored]:
    return [(label["label"], label["score"]) for label in answer]


def _same_labels(served: Any, original: Any, count: int | None = None) -> Outcome:
    return ranked(_labels(served), _labels(original), count)


# ---- tokens


def _tag_calls(corpus: Corpus, _checkpoint: Path) -> list[Call]:
    ways: list[dict[str, Any]] = [
        {"aggregation_strategy": "none"},
        *({"aggregation_strategy": strategy} for strategy in STRATEGIES),
    ]
    windows: list[dict[str, Any]] = [
        {"aggregation_strategy": strategy, "stride": STRIDE} for strategy in STRATEGIES
    ]
    everything: dict[str, Any] = {"aggregation_strategy": "none", "ignore_labels": []}
    return [
        *(Call(items=corpus.texts, options=way, original=way) for way in ways),
        *(Call(items=corpus.long, options=way, original=way) for way in windows),
        Call(items=_some(corpus), options=everything, original=everything),
    ]


def _entities(answer: Any) -> list[Scored]:
    return [
        (tuple((name, value) for name, value in entity.items() if name != "score"), entity["score"])
        for entity in answer
    ]


def _same_entities(served: Any, original: Any, _count: int | None = None) -> Outcome:
    return in_order(_entities(served), _entities(original))


# ---- questions


def _answer_calls(corpus: Corpus, _checkpoint: Path) -> list[Call]:
    """The long contexts in windows, by default and of another size."""
    asked = list(zip(cycle(QUESTIONS), corpus.texts, strict=False))
    ways: list[dict[str, Any]] = [
        {"top_k": 3, "handle_impossible_answer": True},
        {"max_answer_len": 4, "align_to_words": False},
    ]
    windows: dict[str, Any] = {"doc_stride": 8, "max_seq_len": 48, "top_k": 2}
    return [
        Call(items=asked),
        *(Call(items=asked[::SOME], options=way, original=way) for way in ways),
        Call(items=list(zip(cycle(QUESTIONS), corpus.long, strict=False)), options=windows, original=windows),
    ]


def _spans(answer: Any) -> list[Scored]:
    """The pipeline fills up with an arbitrary choice of spans that have no probability at all."""
    listed = answer if isinstance(answer, list) else [answer]
    return [((one["start"], one["end"], one["answer"]), one["score"]) for one in listed if one["score"] > 0]


def _same_spans(served: Any, original: Any, count: int | None = None) -> Outcome:
    return ranked(_spans(served), _spans(original), count)


# ---- candidate labels


def _candidate_calls(corpus: Corpus, _checkpoint: Path) -> list[Call]:
    asked = list(zip(corpus.texts, cycle(CANDIDATES), strict=False))
    ways: list[dict[str, Any]] = [
        {"multi_label": True},
        {"hypothesis_template": "{}: dies hier!", "multi_label": False},
    ]
    return [Call(items=asked), *(Call(items=asked[::SOME], options=way, original=way) for way in ways)]


def _same_candidates(served: Any, original: Any, count: int | None = None) -> Outcome:
    if served["sequence"] != original["sequence"]:
        return Outcome()
    mine, theirs = (list(zip(one["labels"], one["scores"], strict=True)) for one in (served, original))
    return ranked(mine, theirs, count)


# ---- embeddings and rankings


def _embed_calls(corpus: Corpus, _checkpoint: Path) -> list[Call]:
    prompt = {"prompt": "query: "}
    return [Call(items=corpus.texts), Call(items=_some(corpus), options=prompt, original=prompt)]


def _same_vectors(served: Any, original: Any, _count: int | None = None) -> Outcome:
    return vectors(served, original)


def _rank_calls(corpus: Corpus, _checkpoint: Path) -> list[Call]:
    """Every text as a passage; the queries are texts, too."""
    groups = [corpus.texts[first : first + PASSAGES] for first in range(0, len(corpus.texts), PASSAGES)]
    asked = [(group[len(group) // 2], group) for group in groups]
    return [Call(items=asked), Call(items=asked[::SOME], options={"top_k": BEST}, count=BEST)]


def _ranks(answer: Any) -> list[Scored]:
    return [(one["corpus_id"], float(one["score"])) for one in answer]


def _same_ranks(served: Any, original: Any, count: int | None = None) -> Outcome:
    return by_place(_ranks(served), _ranks(original), count)


# ---- masks


def _fill_calls(corpus: Corpus, checkpoint: Path) -> list[Call]:
    """A mask in front of a text, in its middle, or at its end, if that is not too far; some with two."""
    mask: str = AutoTokenizer.from_pretrained(checkpoint).mask_token
    places = ((0.0,), (0.5,), (1.0,))
    spare = {"top_k": 2 * FILLINGS}
    one = [_masked(text, mask, where) for text, where in zip(corpus.texts, cycle(places), strict=False)]
    two = [_masked(text, mask, (0.0, 0.3)) for text in _some(corpus)]
    return [Call(items=items, original=spare, count=FILLINGS) for items in (one, two)]


def _masked(text: str, mask: str, places: Sequence[float]) -> str:
    for place in sorted(places, reverse=True):
        cut = min(round(place * len(text)), MASKED_WITHIN)
        text = f"{text[:cut]} {mask} {text[cut:]}"
    return text


def _same_fillings(served: Any, original: Any, count: int | None = None) -> Outcome:
    several = isinstance(original[0], list)
    mine, theirs = (one if several else [one] for one in (served, original))
    if len(mine) != len(theirs):
        return Outcome()
    pairs = zip(mine, theirs, strict=True)
    return together([ranked(_words(one), _words(other), count) for one, other in pairs])


def _words(answer: Any) -> list[Scored]:
    return [((one["token"], one["token_str"], one["sequence"]), one["score"]) for one in answer]


# ---- all of them

LABELS = "every text with all labels; some with the best label, and with each `function_to_apply`"
PIPELINE = "`transformers.pipeline`"
SENTENCES = "sentence-transformers"


def _classifier(head: str, asks: str = LABELS, *, pairs: bool = False) -> Case:
    return Case(
        task="text-classification",
        head=head,
        asks=asks,
        calls=_pair_calls if pairs else _label_calls,
        original=originals.classified,
        oracle=PIPELINE,
        compare=_same_labels,
        options=TaskOptions(pairs=pairs),
    )


CASES: dict[str, Case] = {
    "text-classification": _classifier("single-label"),
    "text-classification, several labels": _classifier("multi-label"),
    "text-classification, regression": _classifier("regression"),
    "text-classification, pairs": _classifier(
        "nli", "every text with the next one; otherwise as above", pairs=True
    ),
    "token-classification": Case(
        task="token-classification",
        head="token-classification",
        asks="every text by all five aggregation strategies; long ones in windows; some with no label ignored",
        calls=_tag_calls,
        original=originals.tagged,
        oracle=PIPELINE,
        compare=_same_entities,
    ),
    "question-answering": Case(
        task="question-answering",
        head="question-answering",
        asks="every text as a context; some with three answers or none, with short answers not aligned to words; long "
        "ones in small windows",
        calls=_answer_calls,
        original=originals.answered,
        lacks=originals.lacks_transformers_4,
        oracle="`transformers.pipeline` of transformers 4.57",
        compare=_same_spans,
    ),
    "zero-shot-classification": Case(
        task="zero-shot-classification",
        head="nli",
        asks="every text with two to four candidate labels; some with `multi_label`, and with another template",
        calls=_candidate_calls,
        original=originals.judged,
        oracle=PIPELINE,
        compare=_same_candidates,
    ),
    "feature-extraction": Case(
        task="feature-extraction",
        head="encoder",
        asks="every text; some behind a prompt. Identical means a cosine of 0.99999 or more",
        calls=_embed_calls,
        original=originals.embedded,
        lacks=originals.lacks_sentence_transformers,
        oracle=f"`SentenceTransformer` of {SENTENCES}",
        compare=_same_vectors,
    ),
    "text-ranking": Case(
        task="text-ranking",
        head="cross-encoder",
        asks=f"every text as one of {PASSAGES} passages; each place of a ranking is an answer",
        calls=_rank_calls,
        original=originals.reranked,
        lacks=originals.lacks_sentence_transformers,
        oracle=f"`CrossEncoder` of {SENTENCES}",
        compare=_same_ranks,
        size=lambda item: len(item[1]),
    ),
    "fill-mask": Case(
        task="fill-mask",
        head="fill-mask",
        asks=f"every text with a mask in front, in the middle or behind; some with two. The best {FILLINGS} tokens",
        calls=_fill_calls,
        original=originals.filled,
        oracle=PIPELINE,
        compare=_same_fillings,
        # The pipeline answers the masks that are left.
        stricter="has a mask token beyond",
    ),
}
