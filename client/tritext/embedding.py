"""Feature extraction: sentence embeddings as NumPy arrays, whole, shortened or quantized. Knows no network."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy.typing as npt

from tritext.blocking import run
from tritext.conversation import Conversation
from tritext.failures import InvalidRequest, InvalidText
from tritext.items import Field
from tritext.parameters import number, unsent, word
from tritext.records import TEXT_COLUMNS
from tritext.task import Array, Common, Errors, Task, delivery
from tritext.worlds import AnyIterable

if TYPE_CHECKING:
    from typing_extensions import Unpack

Embedding = npt.NDArray[Any]

OUTPUTS = {"float": "EMBEDDING", "int8": "EMBEDDING_INT8", "binary": "EMBEDDING_BINARY"}

_SHOWN = 6


class Options(Common, total=False):
    """Keyword arguments of `embed`, all optional.

    Attributes:
        prompt_name: One of the checkpoint's own prompts, such as "query", to put before each text.
        prompt: A text to put before each text.
        dimensions: How many of the first dimensions to keep, for models trained to be shortened.
        output: "float" is FP32 (the default), "int8" INT8, "binary" one bit for each dimension, UINT8.
        truncation: "truncate" cuts texts that are too long (the default), "error" refuses them.
    """

    prompt_name: str | None
    prompt: str | None
    dimensions: int | None
    output: Literal["float", "int8", "binary"]
    truncation: str | None


def _output(options: Mapping[str, Any]) -> str:
    kind = options.get("output") or "float"
    if kind not in OUTPUTS:
        raise InvalidRequest(f"output takes {' or '.join(map(repr, OUTPUTS))}, not {kind!r}")
    if kind == "float" and options.get("dimensions") is not None:
        return "EMBEDDING_SHORT"
    return OUTPUTS[kind]


def _cells(_text: Any, embedding: Embedding) -> list[tuple[str, ...]]:
    numbers = " ".join(f"{number:.4g}" for number in embedding[:_SHOWN].tolist())
    return [(str(len(embedding)), numbers + (" …" if len(embedding) > _SHOWN else ""))]


def _plain(array: Array) -> Sequence[Any]:
    rows: list[Any] = array.tolist()
    return rows


TASK = Task(
    name="feature-extraction",
    fields=(Field(input="TEXT", kind="text", columns=TEXT_COLUMNS),),
    options={
        "prompt_name": word,
        "prompt": word,
        "dimensions": number,
        "output": unsent,
        "truncation": word,
    },
    output=_output,
    records=list,
    plain=_plain,
    headings=("numbers", "embedding"),
    cells=_cells,
)


class FeatureExtraction:
    """The method of `Client`."""

    _talk: Conversation

    @overload
    def embed(
        self,
        name: str,
        texts: str | Iterable[str],
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> Embedding: ...

    @overload
    def embed(
        self, name: str, texts: Iterable[str], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[Embedding | InvalidText]: ...

    def embed(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """The embedding of one text, or those of many.

        Args:
            name: The model.
            texts: One text, or an iterable of texts, as for `classify`.
            errors: As for `classify`; with "return" the answer is a list.
            **options: `prompt_name` (one of the checkpoint's prompts), `prompt` (a text to put before each),
                `dimensions` (keep the first so many), `output` ("float", "int8", "binary"), `truncation`
                ("truncate", "error"), `version`, `timeout`, `batch_size`.

        Returns:
            FP32 [texts, dimensions], pooled and normalised as the checkpoint declares; INT8 of that shape for
            "int8"; UINT8 [texts, dimensions / 8] for "binary". For one text without the first axis.
        """
        return run(embedded(self._talk, name, texts, errors, options))


class AsyncFeatureExtraction:
    """The method of `AsyncClient`."""

    _talk: Conversation

    @overload
    async def embed(
        self,
        name: str,
        texts: str | AnyIterable[str],
        *,
        errors: Literal["raise"] = ...,
        **options: "Unpack[Options]",
    ) -> Embedding: ...

    @overload
    async def embed(
        self, name: str, texts: AnyIterable[str], *, errors: Literal["return"], **options: "Unpack[Options]"
    ) -> list[Embedding | InvalidText]: ...

    async def embed(self, name: str, texts: Any, *, errors: Errors = "raise", **options: Any) -> Any:
        """As `Client.embed`."""
        return await embedded(self._talk, name, texts, errors, options)


async def embedded(
    talk: Conversation, name: str, texts: Any, errors: Errors, options: Mapping[str, Any]
) -> Any:
    """One array; where errors stand between the embeddings, a list."""
    question, sent = TASK.question(name, options), delivery(errors, options)
    return await (talk.answer if errors == "return" else talk.table)(question, texts, sent)
