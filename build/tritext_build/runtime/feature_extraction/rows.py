"""Requests for sentence embeddings to rows: a text, behind its prompt, is one row."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..encoding import Encoder
from ..requests import TRUNCATIONS, BadRequest, Tensors, choice, parameters_of, refuse_long, texts_of

if TYPE_CHECKING:
    import triton_python_backend_utils as pb_utils


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for; its texts stand behind their prompt."""

    texts: list[str]
    truncation: str


class Rows:
    """`prompts` by name, as the checkpoint declares them; `default_prompt` names the one used unless a request names another."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        prompts: Mapping[str, str],
        default_prompt: str | None = None,
    ) -> None:
        self._encoder = encoder
        self._prompts = prompts
        self._default = prompts[default_prompt] if default_prompt is not None else ""

    def read(self, request: pb_utils.InferenceRequest) -> Ask:
        """What is asked.

        Raises:
            BadRequest: A text or a parameter is not what it must be.
        """
        parameters = parameters_of(request)
        prompt = chosen_prompt(parameters, self._prompts, self._default)
        return Ask(
            texts=[prompt + text for text in texts_of(request, "TEXT")],
            truncation=choice(parameters, "truncation", TRUNCATIONS, "truncate"),
        )

    def encode(self, asks: Sequence[Ask]) -> list[Tensors | BadRequest]:
        """For each request its model inputs, INT64 [texts, max_length], and TOKEN_COUNT, INT32 [texts, 1]."""
        encoded = self._encoder.encode([text for ask in asks for text in ask.texts])
        ends = list(itertools.accumulate(len(ask.texts) for ask in asks))
        answers: list[Tensors | BadRequest] = []
        for ask, start, end in zip(asks, [0, *ends], ends, strict=False):
            counts, most = encoded.token_counts[start:end], self._encoder.max_length
            refused = refuse_long("TEXT", counts, most) if ask.truncation == "error" else None
            rows = {name: array[start:end] for name, array in encoded.inputs.items()}
            answers.append(refused or {**rows, "TOKEN_COUNT": counts.reshape(-1, 1)})
        return answers


def chosen_prompt(parameters: Mapping[str, Any], prompts: Mapping[str, str], default: str) -> str:
    """What stands in front of the texts: the parameter `prompt`, else the prompt that `prompt_name` names, else the default.

    Raises:
        BadRequest: `prompt` is no text, or the checkpoint has no prompt of that name.
    """
    if "prompt" in parameters:
        prompt = parameters["prompt"]
        if not isinstance(prompt, str):
            raise BadRequest(f"the parameter prompt takes a text, not {prompt!r}", reason="parameter")
        return prompt
    if "prompt_name" not in parameters:
        return default
    name = parameters["prompt_name"]
    if name not in prompts:
        known = (
            f"one of {', '.join(map(repr, prompts))}" if prompts else "none, since this model has no prompts"
        )
        raise BadRequest(f"the parameter prompt_name takes {known}, not {name!r}", reason="parameter")
    return prompts[name]
