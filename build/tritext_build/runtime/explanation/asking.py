"""What a request for an explanation says: the text, the label to explain, and how hard to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..encoding import Line
from ..requests import BadRequest, parameters_of, whole_number
from ..text_classification.rows import Rows

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils

NAMED = 5
"""Labels that a refusal names."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for.

    Attributes:
        truncation: What is to become of a text that is too long.
        label: By output index; None for the best.
        samples: Orders in which words are to be uncovered; None for as many as the usual effort allows.
    """

    line: Line
    truncation: str
    label: int | None
    samples: int | None


class Reader:
    """Texts are read as the tokenizer step reads them, by its own `Rows`; `labels` by output index."""

    def __init__(self, rows: Rows, labels: Sequence[str]) -> None:
        self._rows = rows
        self._labels = labels

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: The text or a parameter is not what it must be.
        """
        texts = self._rows.read(request)
        parameters = parameters_of(request)
        return Ask(
            line=texts.lines[0],
            truncation=texts.truncation,
            label=self._label(parameters["label"]) if "label" in parameters else None,
            samples=whole_number(parameters, "samples", 0, least=1) if "samples" in parameters else None,
        )

    def _label(self, value: str | int | bool) -> int:  # noqa: FBT001
        if str(value) in self._labels:
            return self._labels.index(str(value))
        more = len(self._labels) - NAMED
        known = ", ".join(map(repr, self._labels[:NAMED])) + (f" and {more} more" if more > 0 else "")
        raise BadRequest(f"the parameter label takes one of this model's labels ({known}), not {value!r}")
