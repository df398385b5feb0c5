"""The files that sentence-transformers writes beside an encoder: its modules, their settings, prompts."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

FLAGS = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
"""Pooling modes by the names that releases before 6 gave them in `1_Pooling/config.json`."""


@dataclass(frozen=True, kw_only=True)
class SentenceFiles:
    """What a sentence-transformers checkpoint declares besides its encoder.

    Attributes:
        dense: Sizes of the layers behind the pooling, each with a tanh.
        flags: Write the pooling as older releases did, one flag a mode; otherwise as `pooling_mode`.
    """

    pooling: tuple[str, ...] = ("mean",)
    normalize: bool = True
    dense: tuple[int, ...] = ()
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None
    max_seq_length: int | None = None
    flags: bool = True

    def write(self, folder: Path, *, hidden_size: int, max_length: int) -> None:
        width = hidden_size * len(self.pooling)
        modules = [("", "Transformer", None), ("1_Pooling", "Pooling", self._pooling(hidden_size))]
        for size in self.dense:
            path = f"{len(modules)}_Dense"
            modules.append((path, "Dense", _dense(width, size)))
            _write_weights(folder / path, width, size)
            width = size
        if self.normalize:
            modules.append((f"{len(modules)}_Normalize", "Normalize", None))
        for path, _, settings in modules:
            if settings:
                _write(folder / path / "config.json", settings)
        _write(folder / "modules.json", [_module(index, *module[:2]) for index, module in enumerate(modules)])
        _write(
            folder / "sentence_bert_config.json",
            {"max_seq_length": self.max_seq_length or max_length, "do_lower_case": False},
        )
        _write(
            folder / "config_sentence_transformers.json",
            {"prompts": self.prompts, "default_prompt_name": self.default_prompt_name},
        )

    def _pooling(self, hidden_size: int) -> dict[str, Any]:
        if not self.flags:
            mode = self.pooling[0] if len(self.pooling) == 1 else list(self.pooling)
            return {"embedding_dimension": hidden_size, "pooling_mode": mode, "include_prompt": True}
        flags = {flag: mode in self.pooling for mode, flag in FLAGS.items()}
        return {"word_embedding_dimension": hidden_size, **flags, "include_prompt": True}


def _module(index: int, path: str, kind: str) -> dict[str, Any]:
    return {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}


def _dense(inputs: int, outputs: int) -> dict[str, Any]:
    return {
        "in_features": inputs,
        "out_features": outputs,
        "bias": True,
        "activation_function": "torch.nn.modules.activation.Tanh",
    }


def _write_weights(folder: Path, inputs: int, outputs: int) -> None:
    folder.mkdir(parents=True)
    weights = {
        "linear.weight": torch.randn(outputs, inputs) / inputs**0.5,
        "linear.bias": torch.randn(outputs),
    }
    save_file(weights, folder / "model.safetensors")


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
