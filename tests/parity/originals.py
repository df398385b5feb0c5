"""What the original libraries answer: transformers' pipelines, sentence-transformers, and transformers 4 where it must be.

Each function takes a checkpoint's folder and calls of a client's method, and returns, call by call, an answer or a
`Refused` for each item. Knows nothing of builds and servers.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, pipeline
from transformers.utils import logging

from tests.parity.comparing import Refused
from tests.support.qa_oracle import ask_oracle, oracle_python


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a client's method with many items; `options` are its own.

    Attributes:
        original: The same options as the original calls them.
        count: How much of the original's answer the server is asked for, if not all of it; the rest is there to know
            what is tied with the last one.
    """

    items: Sequence[Any]
    options: dict[str, Any] = field(default_factory=dict)
    original: dict[str, Any] = field(default_factory=dict)
    count: int | None = None


Answers = list[list[Any]]
Original = Callable[[Path, Sequence[Call]], Answers]


def lacks_transformers_4() -> str | None:
    """Why nobody here can say what is right, if that is so."""
    return None if oracle_python() else "no Python with transformers 4.57: run `make oracle`"


def lacks_sentence_transformers() -> str | None:
    return None if find_spec("sentence_transformers") else "sentence-transformers is not installed"


def classified(checkpoint: Path, calls: Sequence[Call]) -> Answers:
    def ask(pipe: Any, item: Any, options: dict[str, Any]) -> Any:
        asked = item if isinstance(item, str) else {"text": item[0], "text_pair": item[1]}
        return pipe([asked], truncation=True, **options)[0]

    return _by_pipeline("text-classification", checkpoint, calls, ask)


def tagged(checkpoint: Path, calls: Sequence[Call]) -> Answers:
    """By the pipeline's own steps, so that what its model says of a text is computed once for all strategies."""
    known: dict[tuple[str, str], list[Any]] = {}

    def ask(pipe: Any, text: str, options: dict[str, Any]) -> Any:
        before, meanwhile, after = pipe._sanitize_parameters(**options)
        key = text, repr(before)
        if key not in known:
            known[key] = [pipe.forward(row, **meanwhile) for row in pipe.preprocess(text, **before)]
        return pipe.postprocess(known[key], **after)

    return _by_pipeline("token-classification", checkpoint, calls, ask)


def judged(checkpoint: Path, calls: Sequence[Call]) -> Answers:
    def ask(pipe: Any, item: Any, options: dict[str, Any]) -> Any:
        text, labels = item
        return pipe(text, candidate_labels=list(labels), **options)

    return _by_pipeline("zero-shot-classification", checkpoint, calls, ask)


def filled(checkpoint: Path, calls: Sequence[Call]) -> Answers:
    def ask(pipe: Any, text: str, options: dict[str, Any]) -> Any:
        return pipe(text, tokenizer_kwargs={"truncation": True}, **options)

    return _by_pipeline("fill-mask", checkpoint, calls, ask)


def answered(checkpoint: Path, calls: Sequence[Call]) -> Answers:
    """By the pipeline of transformers 4, in a Python of its own."""
    names = AutoTokenizer.from_pretrained(checkpoint).model_input_names
    asks = [
        {"question": question, "context": context, **call.original}
        for call in calls
        for question, context in call.items
    ]
    found = iter(ask_oracle(checkpoint, asks, input_names=names))
    return [[_or_refused(next(found)) for _ in call.items] for call in calls]


def embedded(checkpoint: Path, calls: Sequence[Call]) -> Answers:
    with _quiet():
        model = import_module("sentence_transformers").SentenceTransformer(str(checkpoint), device="cpu")
        return [list(model.encode(list(call.items), **call.original)) for call in calls]


def reranked(checkpoint: Path, calls: Sequence[Call]) -> Answers:
    with _quiet():
        model = import_module("sentence_transformers").CrossEncoder(str(checkpoint), device="cpu")
        return [
            [model.rank(query, list(texts), **call.original) for query, texts in call.items] for call in calls
        ]


def _by_pipeline(
    task: str, checkpoint: Path, calls: Sequence[Call], ask: Callable[[Any, Any, dict[str, Any]], Any]
) -> Answers:
    with _quiet():
        pipe: Any = pipeline(task, str(checkpoint), device="cpu")  # type: ignore[call-overload]
        return [[_attempt(ask, pipe, item, call.original) for item in call.items] for call in calls]


def _attempt(ask: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return ask(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the original's way to refuse
        return Refused(f"{type(error).__name__}: {error}")


def _or_refused(answer: Any) -> Any:
    return Refused(answer["error"]) if isinstance(answer, dict) and "error" in answer else answer


@contextmanager
def _quiet() -> Iterator[None]:
    """Models this small lose more by sharing the work than they gain, and their libraries say too much."""
    threads, level = torch.get_num_threads(), logging.get_verbosity()
    torch.set_num_threads(1)
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            logging.set_verbosity(level)
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
