"""A TorchServe handler: the texts of a batch tokenized and padded together, classified by torch."""

import os
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from ts.context import Context


class Classifier:
    def initialize(self, _context: Context) -> None:
        # Two workers share two cores.
        torch.set_num_threads(1)
        checkpoint = os.environ["CHECKPOINT"]
        self._tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        self._model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()

    @torch.inference_mode()
    def handle(self, requests: list[dict[str, Any]], _context: Context) -> list[dict[str, str]]:
        texts = [request["body"]["text"] for request in requests]
        rows = self._tokenizer(texts, truncation=True, max_length=128, padding=True, return_tensors="pt")
        best = self._model(**rows).logits.argmax(dim=1)
        return [{"label": self._model.config.id2label[int(index)]} for index in best]
