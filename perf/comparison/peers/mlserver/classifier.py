"""An MLServer runtime: the texts of a batch tokenized and padded together, classified by ONNX Runtime in a thread."""

import asyncio
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from tokenizers import Tokenizer


class Classifier(MLModel):
    async def load(self) -> bool:
        folder = Path(os.environ["MODEL"])
        labels = json.loads((folder / "config.json").read_text())["id2label"]
        self._labels = [labels[str(index)] for index in range(len(labels))]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(128)
        self._tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        # Two workers share two cores.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(folder / "model.onnx", options, ["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        # The event loop goes on collecting the next batch.
        labels = await asyncio.to_thread(self._classify, texts)
        outputs = [StringCodec.encode_output("label", labels)]
        return InferenceResponse(model_name=self.name, outputs=outputs)

    def _classify(self, texts: list[str]) -> list[str]:
        rows = self._tokenizer.encode_batch(texts)
        inputs = {
            "input_ids": np.array([row.ids for row in rows], np.int64),
            "attention_mask": np.array([row.attention_mask for row in rows], np.int64),
            "token_type_ids": np.array([row.type_ids for row in rows], np.int64),
        }
        logits = self._session.run(["logits"], inputs)[0]
        return [self._labels[index] for index in logits.argmax(axis=1)]
