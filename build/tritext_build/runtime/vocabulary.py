"""Token ids back to text: the half of a tokenizer that reads, without the half that encodes and the memory it takes.

Knows `tokenizer.json`, the format of the `tokenizers` library; knows nothing of tasks and nothing of Triton.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

FILE = Path(__file__).parent / "tokenizer.json"
"""Where a step that decodes finds its tokenizer."""


class Vocabulary:
    """The tokens of a tokenizer and its decoder.

    Attributes:
        tokens: By id; None where an id has no token.
        continuing_subword_prefix: What a token starts with that continues a word; empty if nothing tells.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        model, added = document["model"], document["added_tokens"]
        self.tokens = _tokens(model["vocab"], {token["id"]: token["content"] for token in added})
        self.continuing_subword_prefix: str = model.get("continuing_subword_prefix") or ""
        self._special = {token["content"] for token in added if token["special"]}
        self._decoder = _decoder(document["decoder"])

    @classmethod
    def from_file(cls, path: Path = FILE) -> Vocabulary:
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def strings(self, ids: Iterable[int], *, skip_special: bool = False) -> list[str]:
        """The tokens of `ids`, without those that the vocabulary lacks."""
        known = (self.tokens[token] for token in ids if 0 <= token < len(self.tokens))
        skipped = self._special if skip_special else ()
        return [token for token in known if token is not None and token not in skipped]

    def join(self, strings: Sequence[str]) -> str:
        """Tokens to the text they stand for, as transformers' `convert_tokens_to_string` does."""
        return " ".join(strings) if self._decoder is None else str(self._decoder.decode(list(strings)))


def _tokens(vocab: dict[str, int] | list[list[Any]], added: dict[int, str]) -> list[str | None]:
    """Unigram models list their pieces with scores; all others map tokens to ids. Added tokens stand above both."""
    ids = (
        enumerate(piece for piece, _ in vocab)
        if isinstance(vocab, list)
        else ((index, token) for token, index in vocab.items())
    )
    known = {**dict(ids), **added}
    return [known.get(index) for index in range(max(known, default=-1) + 1)]


def _decoder(settings: dict[str, Any] | None) -> Any:
    """The decoder alone: `tokenizers` reads one as part of a tokenizer only, so it gets one without words."""
    nothing = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor"))
    wordless = {"type": "WordLevel", "vocab": {}, "unk_token": ""}
    document: dict[str, Any] = {
        "version": "1.0",
        **nothing,
        "added_tokens": [],
        "decoder": settings,
        "model": wordless,
    }
    return Tokenizer.from_str(json.dumps(document)).decoder
