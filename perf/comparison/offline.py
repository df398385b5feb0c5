"""One process of a ceiling: a model in a loop, without a server. Asked over its standard input, one JSON a line.

    python offline.py ENGINE MODEL CHECKPOINT --max-length N --batch N

`{"texts": […]}` names the texts; `{"seconds": 5}` goes through them, again and again, and answers how many it did in how
many seconds: tokenization, sorting by length, batches padded to their longest text, the network, the best label of
each. `{"alone": 5}` calls the network with one text at a time, tokenized beforehand, and answers how long a call took.
`{"labels": true}` answers these labels. One thread.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

Rows = dict[str, npt.NDArray[np.int64]]
Run = Callable[[Rows], npt.NDArray[np.float32]]
"""Rows of tokens, INT64 [rows, longest], to logits, FP32 [rows, labels]."""


def onnxruntime(model: Path) -> Run:
    import onnxruntime as library

    options = library.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = library.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    names = {taken.name for taken in session.get_inputs()}
    return lambda rows: session.run(["logits"], {name: rows[name] for name in names})[0]


def torch(model: Path, dtype: str) -> Run:
    import torch as library
    from transformers import AutoModelForSequenceClassification

    library.set_num_threads(1)
    network = AutoModelForSequenceClassification.from_pretrained(model, dtype=getattr(library, dtype)).eval()

    def run(rows: Rows) -> npt.NDArray[np.float32]:
        with library.inference_mode():
            output = network(**{name: library.from_numpy(array) for name, array in rows.items()})
        logits: npt.NDArray[np.float32] = output.logits.float().numpy()
        return logits

    return run


def torchscript(model: Path) -> Run:
    import torch as library

    library.set_num_threads(1)
    network = library.jit.load(str(model)).eval()  # type: ignore[no-untyped-call]
    library._C._jit_set_profiling_executor(False)  # noqa: SLF001 - or every new shape is optimised anew

    def run(rows: Rows) -> npt.NDArray[np.float32]:
        with library.inference_mode():
            output = network(*(library.from_numpy(array) for array in rows.values()))
        logits: npt.NDArray[np.float32] = output[0].numpy()
        return logits

    return run


def openvino(model: Path, precision: str) -> Run:
    import openvino as library

    settings = {
        "INFERENCE_NUM_THREADS": 1,
        "INFERENCE_PRECISION_HINT": precision,
        "ENABLE_CPU_PINNING": False,
    }
    compiled = library.Core().compile_model(str(model), "CPU", settings)
    names = {taken.get_any_name() for taken in compiled.inputs}
    request = compiled.create_infer_request()
    return lambda rows: request.infer({name: rows[name] for name in names})["logits"]


ENGINES: dict[str, Callable[[Path], Run]] = {
    "onnxruntime": onnxruntime,
    "torch_fp32": lambda model: torch(model, "float32"),
    "torch_bf16": lambda model: torch(model, "bfloat16"),
    "torchscript": torchscript,
    "openvino_fp32": lambda model: openvino(model, "f32"),
    "openvino_bf16": lambda model: openvino(model, "bf16"),
}


class Loop:
    """Texts in, labels out, as fast as one thread can."""

    def __init__(self, run: Run, tokenizer: Tokenizer, *, batch: int, width: int | None) -> None:
        self._run = run
        self._tokenizer = tokenizer
        self._batch = batch
        self._width = width

    def labels(self, texts: Sequence[str]) -> list[int]:
        """The best label of each text."""
        found = np.empty(len(texts), np.int64)
        for places, rows in self._batches(texts):
            found[places] = self._run(rows).argmax(axis=1)
        return [int(label) for label in found]

    def alone(self, texts: Sequence[str], seconds: float) -> list[float]:
        """How long the network takes for one text, in seconds, over and over."""
        rows = [self._batch_of([encoding]) for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        taken: list[float] = []
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            self._run(rows[len(taken) % len(rows)])
            taken.append(time.perf_counter() - began)
        return taken

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[npt.NDArray[np.int64], Rows]]:
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        lengths = np.array([len(encoding) for encoding in encodings])
        order = lengths.argsort(kind="stable")
        for start in range(0, len(order), self._batch):
            places = order[start : start + self._batch]
            yield places, self._batch_of([encodings[place] for place in places])

    def _batch_of(self, encodings: Sequence[Encoding]) -> Rows:
        shape = (len(encodings), self._width or max(map(len, encodings)))
        rows = {name: np.zeros(shape, np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
        for row, encoding in enumerate(encodings):
            length = len(encoding)
            rows["input_ids"][row, :length] = encoding.ids
            rows["attention_mask"][row, :length] = 1
            rows["token_type_ids"][row, :length] = encoding.type_ids
        return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("model", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--max-length", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument(
        "--width", type=int, help="of the rows, where the graph wants one; else the longest text's"
    )
    asked = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(asked.checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(asked.max_length)
    loop = Loop(ENGINES[asked.engine](asked.model), tokenizer, batch=asked.batch, width=asked.width)
    texts: list[str] = []
    _answer({"ready": True})
    for line in sys.stdin:
        question = json.loads(line)
        texts = question.get("texts", texts)
        if "seconds" in question:
            _answer(_timed(loop, texts, question["seconds"]))
        elif "alone" in question:
            _answer({"latencies": loop.alone(texts, question["alone"])})
        else:
            _answer({"labels": loop.labels(texts)} if question.get("labels") else {})


def _timed(loop: Loop, texts: Sequence[str], seconds: float) -> dict[str, float]:
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        loop.labels(texts)
        count += len(texts)
    return {"texts": count, "seconds": passed}


def _answer(document: Any) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
