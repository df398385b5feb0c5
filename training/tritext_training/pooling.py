"""From a model's token vectors to one vector a text, as the files of sentence-transformers describe it.

https://sbert.net/docs/package_reference/sentence_transformer/models.html
"""

import json
from pathlib import Path
from typing import Any

import torch

from tritext.checkpoints import transformer_folder
from tritext_training.errors import PoolingUnknown

MODES = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
}
"""What is taken of a text's vectors, and how `1_Pooling/config.json` calls it."""

_PARTS = {"Transformer", "Pooling", "Normalize"}


def pooling_of(checkpoint: Path, *, source: str) -> str:
    """How the checkpoint pools, by its own files; the mean of all tokens if it has none.

    Raises:
        PoolingUnknown: In a way that is not trained here, or with layers after it.
    """
    transformer_folder(checkpoint)  # refuses a list of modules that is none
    listed = checkpoint / "modules.json"
    modules = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
    paths = {module["type"].rpartition(".")[2]: checkpoint / module["path"] for module in modules}
    if unknown := sorted(set(paths) - _PARTS):
        raise PoolingUnknown(source=source, found=unknown[0], known=MODES)
    return _mode(paths["Pooling"] / "config.json", source) if "Pooling" in paths else "mean"


def _mode(path: Path, source: str) -> str:
    """Of either notation: `pooling_mode: mean`, or one true `pooling_mode_…`."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PoolingUnknown(source=source, found=f"{path.name} that cannot be read", known=MODES) from error
    given = settings.get("pooling_mode")
    names = {key: name for name, key in MODES.items()}
    chosen = [given] if given else [key for key, on in settings.items() if on is True and "_mode_" in key]
    mode = names.get(chosen[0], chosen[0]) if len(chosen) == 1 else " and ".join(map(str, chosen))
    if mode not in MODES:
        raise PoolingUnknown(source=source, found=str(mode), known=MODES)
    return str(mode)


def pooled(vectors: torch.Tensor, mask: torch.Tensor, mode: str) -> torch.Tensor:
    """Unit vectors, `[texts, hidden]`, of token vectors `[texts, tokens, hidden]` under `mask` `[texts, tokens]`."""
    kept = mask.unsqueeze(-1).to(vectors.dtype)
    if mode == "cls":
        one = vectors[:, 0]
    elif mode == "max":
        one = vectors.masked_fill(kept == 0, torch.finfo(vectors.dtype).min).amax(dim=1)
    else:
        one = (vectors * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1e-9)
    return torch.nn.functional.normalize(one, dim=-1)


def write_modules(checkpoint: Path, *, mode: str, dimension: int, max_length: int) -> None:
    """The files by which sentence-transformers reads the checkpoint: encoder, pooling, normalisation."""
    parts = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(parts)
    ]
    pooling = {
        "word_embedding_dimension": dimension,
        **{key: name == mode for name, key in MODES.items()},
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    (checkpoint / "1_Pooling").mkdir()
    (checkpoint / "2_Normalize").mkdir()  # has no settings
    _write(checkpoint / "modules.json", modules)
    _write(checkpoint / "1_Pooling" / "config.json", pooling)
    _write(checkpoint / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    settings: dict[str, Any] = {
        "__version__": {},
        "prompts": {},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    _write(checkpoint / "config_sentence_transformers.json", settings)


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
