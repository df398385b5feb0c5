"""The options of verbs that ask a model, whatever its task: one table, from which each such verb takes them all.

Which of them a model's task has is found out when its server is asked; see `tritext.asking`.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

Verb = Callable[..., None]
Option = tuple[Any, str]
"""Type and help."""

WORDS = str
"""Several words, with commas between them."""

TASK_OPTIONS: dict[str, dict[str, Option]] = {
    "For several tasks": {
        "top_k": (str, "How many labels, answers, texts or words, best first: a number, or `all`."),
        "truncation": (
            str,
            "Texts that are too long: `truncate` cuts them, `error` refuses them, `window` reads them in windows.",
        ),
    },
    "Text classification": {
        "pair": (str, "The second text, for a model that compares two."),
        "function_to_apply": (str, "`softmax`, `sigmoid` or `none` (raw logits). Default: the model's own."),
    },
    "Token classification": {
        "aggregation_strategy": (
            str,
            "`none` shows tokens (default); `simple`, `first`, `average` and `max` make spans of them.",
        ),
        "ignore_labels": (WORDS, "Labels to leave out, with commas between them. Default: O."),
        "stride": (int, "Tokens by which the windows of a long text overlap; giving it means windows."),
    },
    "Question answering": {
        "question": (str, "The question, for one or many contexts."),
        "context": (str, "The text that holds the answers, for one or many questions."),
        "doc_stride": (int, "Tokens by which the windows of a long context overlap."),
        "max_seq_len": (int, "The longest window in tokens."),
        "max_question_len": (int, "The longest question in tokens."),
        "max_answer_len": (int, "The longest answer in tokens."),
        "handle_impossible_answer": (bool, "Whether there may be no answer, as in SQuAD 2."),
        "align_to_words": (bool, "Whether answers are whole words."),
    },
    "Zero-shot classification": {
        "labels": (WORDS, "The candidate labels, with commas between them."),
        "hypothesis_template": (str, "The sentence that a label is put into, at `{}`."),
        "multi_label": (bool, "Whether each label is judged by itself, so that several may be right."),
    },
    "Embeddings": {
        "prompt_name": (
            str,
            "One of the checkpoint's own prompts, such as `query`, to put before each text.",
        ),
        "prompt": (str, "A text to put before each text."),
        "dimensions": (int, "How many of the first dimensions to keep."),
        "output": (str, "`float`, `int8`, or `binary` (bits)."),
    },
    "Ranking": {"query": (str, "What the texts are to fit.")},
    "Masks": {"targets": (WORDS, "The words to choose from, with commas between them. Default: all.")},
    "Any other task": {
        "option": (list[str], "NAME=VALUE, an option of the model's task that is not here; may be repeated.")
    },
    "Columns of files, where they are not to be guessed": {
        "text_column": (str, "The texts."),
        "text_pair_column": (str, "The second texts."),
        "question_column": (str, "The questions."),
        "context_column": (str, "The contexts."),
        "labels_column": (str, "The candidate labels."),
        "query_column": (str, "The queries; neighbouring rows of the same query are ranked together."),
    },
}
"""By heading and name. A task whose options are not here can be given them with `--option`."""


def with_task_options(verb: Verb) -> Verb:
    """The verb, its last parameter `**given` replaced by the table's options; it gets those that were given."""

    @functools.wraps(verb)
    def asking(*arguments: Any, **options: Any) -> None:
        added = {parameter.name for parameter in _parameters()}
        left_out = {name for name in added if options.get(name) in (None, [])}
        verb(*arguments, **{name: value for name, value in options.items() if name not in left_out})

    *own, _ = inspect.signature(verb).parameters.values()
    asking.__signature__ = inspect.Signature([*own, *_parameters()])  # type: ignore[attr-defined]
    asking.__annotations__ = {name: p.annotation for name, p in inspect.signature(asking).parameters.items()}
    return asking


def _parameters() -> Iterator[inspect.Parameter]:
    for heading, options in TASK_OPTIONS.items():
        for name, (kind, help_text) in options.items():
            option = typer.Option(help=help_text, rich_help_panel=heading)
            yield inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind | None, option],
            )
