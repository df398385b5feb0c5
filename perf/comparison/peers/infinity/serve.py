"""Infinity's own server, told where its classifier lies; its ONNX engine is taught to truncate as its torch engine does."""

import sys

from infinity_emb.cli import tp
from infinity_emb.transformer.classifier.optimum import OptimumClassifier


def encode_core(self: OptimumClassifier, sentences: list[str]) -> dict:
    return self._pipe(sentences, truncation=True)


OptimumClassifier.encode_core = encode_core

if __name__ == "__main__":
    engine, model, port = sys.argv[1:]
    options = {
        "--engine": engine,
        "--model-id": model,
        "--served-model-name": "classifier",
        "--host": "127.0.0.1",
        "--port": port,
        "--device": "cpu",
        "--dtype": "float32",
        "--batch-size": "8",
        "--log-level": "warning",
    }
    # BetterTransformer is gone from optimum 2; torch's own fused attention takes its place.
    switches = ["--no-bettertransformer", "--no-trust-remote-code", "--onnx-disable-optimize"]
    tp(["v2", *(word for option in options.items() for word in option), *switches])
