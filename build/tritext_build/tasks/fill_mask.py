"""Filling masks: how likely each token of the vocabulary stands in one place of a text."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import models
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

from tritext_build.errors import BadCheckpoint
from tritext_build.model_config import INT32, INT64, STRING, Tensor
from tritext_build.runtime.encoding import Line
from tritext_build.runtime.functions import softmax

from .logits import LOGITS, logits
from .task import Blueprint, Head, Row, Scores, Shape, Task, TaskOptions

if TYPE_CHECKING:
    from tritext_build.checkpoint import Checkpoint

MASK_POSITION = "mask_position"

SAME_PROBABILITY = 0.05
"""How far a token's probability may lie below the best one's and still be as good a choice."""

PROBE_WORDS = 5
"""The mask stands behind none to so many words of a probe: texts of every length keep it."""


class OnePlace(torch.nn.Module):
    """A masked-language model that computes the logits of one place in each row.

    Between encoder and head it keeps the hidden state of that place alone: the head multiplies with a whole
    vocabulary, which for every place of a row would cost more than the encoder does.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    @property
    def base_model(self) -> torch.nn.Module:
        return cast("torch.nn.Module", self.model.base_model)

    def set_attn_implementation(self, implementation: str) -> None:
        self.model.set_attn_implementation(implementation)  # type: ignore[operator]

    def forward(self, *, mask_position: torch.Tensor, **inputs: torch.Tensor) -> Any:
        """The model's output with logits [rows, 1, vocabulary] for `mask_position` [rows, 1]."""

        def keep_the_place(_encoder: torch.nn.Module, _arguments: Any, output: Any) -> Any:
            hidden = output.last_hidden_state
            where = mask_position.unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
            output["last_hidden_state"] = torch.gather(hidden, 1, where)
            return output

        hook = self.base_model.register_forward_hook(keep_the_place)
        try:
            return self.model(**inputs)
        finally:
            hook.remove()


class ThatPlace(Head):
    """Logits FP32 [rows, vocabulary] of the only place that is left."""

    def forward(self, output: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:  # noqa: ARG002
        return (output.logits[:, 0].float(),)


class FillMask(Task):
    name = "fill-mask"
    architectures = ("ForMaskedLM",)
    auto_model = AutoModelForMaskedLM

    def blueprint(self, checkpoint: "Checkpoint", options: TaskOptions) -> Blueprint:  # noqa: ARG002
        return Blueprint(
            shape=Shape.TEXTS,
            inputs=(Tensor(name="TEXT", data_type=STRING, dims=(1,)),),
            answers=(Tensor(name="RESULT", data_type=STRING, dims=(1,)),),
            graph_outputs=(logits(checkpoint.config.vocab_size),),
            extra_inputs=(Tensor(name=MASK_POSITION, data_type=INT64, dims=(1,)),),
            handed_on=(
                Tensor(name="masks", data_type=INT32, dims=(2,)),
                Tensor(name="token_ids", data_type=INT64, dims=(-1,)),
                Tensor(name="target_ids", data_type=INT64, dims=(-1,)),
            ),
            decodes=True,
            rows={"mask_token": _mask_token(checkpoint)},
            answering={
                "pad_token_id": checkpoint.tokenizer.pad_token_id,
                "clean_up": cleans_up(checkpoint.tokenizer),
            },
        )

    def head(self, checkpoint: "Checkpoint") -> Head:  # noqa: ARG002
        return ThatPlace()

    def prepare(self, model: torch.nn.Module) -> torch.nn.Module:
        return OnePlace(model)

    def probes(self, checkpoint: "Checkpoint", texts: Sequence[str]) -> list[Line]:
        """Each text with a mask behind some of its first words, or before its last where texts are cut in front."""
        mask = _mask_token(checkpoint)
        cut_in_front = checkpoint.tokenizer.truncation_side == "left"
        lines: list[Line] = []
        for number, text in enumerate(texts):
            words = text.split(" ")
            place = number % (PROBE_WORDS + 1)
            place = max(len(words) - place, 0) if cut_in_front else place
            lines.append(" ".join([*words[:place], mask, *words[place:]]))
        return lines

    def extra_inputs(
        self, checkpoint: "Checkpoint", input_ids: npt.NDArray[np.int64]
    ) -> dict[str, npt.NDArray[np.int64]]:
        """The first mask of each row; its first token where none is left."""
        masks = input_ids == checkpoint.tokenizer.mask_token_id
        return {MASK_POSITION: masks.argmax(axis=1).astype(np.int64).reshape(-1, 1)}

    def logits(self, row: Row) -> Scores:
        return row[LOGITS]

    def scores(self, row: Row) -> Scores:
        """The probability of each token, [vocabulary]."""
        return softmax(row[LOGITS])

    def agree(self, checkpoint: "Checkpoint", scores: Scores, original: Scores) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        """Whether the original thinks the best token as good as its own: [1]."""
        chosen = original[scores.argmax()]
        return np.array([original.max() - chosen <= SAME_PROBABILITY])


def cleans_up(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether its `decode` removes spaces; for BPE, where that does harm, transformers wants to be told twice."""
    if not tokenizer.clean_up_tokenization_spaces:
        return False
    is_bpe = isinstance(tokenizer.backend_tokenizer.model, models.BPE)
    return not is_bpe or tokenizer.clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output


def _mask_token(checkpoint: "Checkpoint") -> str:
    token: str | None = checkpoint.tokenizer.mask_token
    if token is None:
        raise BadCheckpoint(
            source=checkpoint.source,
            reason="its tokenizer has no mask token",
            remedy="Set mask_token in its tokenizer_config.json.",
        )
    return token
