"""A LitServe API: the texts of a batch tokenized and padded together, classified by torch."""

import os
import sys
from typing import Any

import litserve
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

CHECKPOINT = os.environ["CHECKPOINT"]
DTYPE = getattr(torch, os.environ["DTYPE"])


class Classifier(litserve.LitAPI):
    def setup(self, _device: str) -> None:
        # Two workers share two cores.
        torch.set_num_threads(1)
        self._tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
        self._model = AutoModelForSequenceClassification.from_pretrained(CHECKPOINT, dtype=DTYPE).eval()

    def decode_request(self, request: dict[str, str]) -> str:
        return request["text"]

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    @torch.inference_mode()
    def predict(self, texts: list[str]) -> list[str]:
        rows = self._tokenizer(texts, truncation=True, max_length=128, padding=True, return_tensors="pt")
        best = self._model(**rows).logits.argmax(dim=1)
        return [self._model.config.id2label[int(index)] for index in best]

    def unbatch(self, output: list[str]) -> list[str]:
        return output

    def encode_response(self, output: str) -> dict[str, Any]:
        return {"label": output}


if __name__ == "__main__":
    api = Classifier(max_batch_size=8, batch_timeout=0.005, api_path="/classify")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=2, timeout=False)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
    )
