"""A step that tokenizes one text a call."""

from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb
from tokenizers import Tokenizer


class TritonPythonModel:
    def initialize(self, _args: dict[str, str]) -> None:
        self._tokenizer = Tokenizer.from_file(str(Path(__file__).with_name("tokenizer.json")))
        self._tokenizer.enable_truncation(128)

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        text = pb.get_input_tensor_by_name(request, "text").as_numpy()[0, 0].decode()
        row = self._tokenizer.encode(text)
        columns = {"input_ids": row.ids, "attention_mask": row.attention_mask, "token_type_ids": row.type_ids}
        return pb.InferenceResponse(
            [pb.Tensor(name, np.array([ids], np.int64)) for name, ids in columns.items()]
        )
