"""A BentoML service: the texts of a batch tokenized and padded together, classified by torch."""

import os

import bentoml
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

CHECKPOINT = os.environ["CHECKPOINT"]


@bentoml.service(
    workers=2, traffic={"timeout": 60}, metrics={"enabled": False}, logging={"access": {"enabled": False}}
)
class Classifier:
    def __init__(self) -> None:
        # Two workers share two cores.
        torch.set_num_threads(1)
        self._tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
        self._model = AutoModelForSequenceClassification.from_pretrained(CHECKPOINT).eval()

    # BentoML refuses requests that it expects to take longer than `max_latency_ms`.
    @bentoml.api(route="/classify", batchable=True, max_batch_size=8, max_latency_ms=60_000)
    @torch.inference_mode()
    def classify(self, texts: list[str]) -> list[str]:
        rows = self._tokenizer(texts, truncation=True, max_length=128, padding=True, return_tensors="pt")
        best = self._model(**rows).logits.argmax(dim=1)
        return [self._model.config.id2label[int(index)] for index in best]
