"""What unpadded compute is worth: a graph on packed tokens beside the same graph on padded rows, without a server.

    python perf/unpadded.py CHECKPOINT --texts questions.csv --texts articles.txt --precision int8

A sample of each file's texts comes in batches, in an order that chance gave. Both graphs answer every batch in turn, so that what else the machine
does meets both; figures are texts per second of processor time of one thread, and the ratio of medians.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from rich.table import Table

from tritext.address import parse
from tritext.console import out
from tritext_build.checkpoint import Checkpoint, open_checkpoint
from tritext_build.formats import Example
from tritext_build.formats.onnx_format import OnnxFormat
from tritext_build.graph import served_graph
from tritext_build.runtime.encoding import Encoder
from tritext_build.tasks.task import DEFAULT_OPTIONS
from tritext_perf import facts, input_data

EXAMPLE_TEXTS = 32

Run = Callable[[Example], Any]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Both graphs on the texts of one file; texts per second of processor time."""

    texts: str
    count: int
    mean_tokens: float
    longest_tokens: int
    batch: int
    padded: float
    unpadded: float

    @property
    def ratio(self) -> float:
        return self.unpadded / self.padded


def main() -> None:
    asked = _arguments()
    checkpoint, model = open_checkpoint(asked.checkpoint)
    width = checkpoint.max_length(asked.max_length)
    encoder = _encoder(checkpoint, width)
    files = {path.name: _texts(path, asked.most) for path in asked.texts}
    graph = served_graph(checkpoint, model, checkpoint.task.blueprint(checkpoint, DEFAULT_OPTIONS))
    example = encoder.encode([text for texts in files.values() for text in texts[:EXAMPLE_TEXTS]]).inputs
    with tempfile.TemporaryDirectory() as place:
        runs = []
        for packs in (False, True):
            path = Path(place, f"{packs}.onnx")
            export = next(OnnxFormat(packs=packs).exports(graph, example, path, asked.precision))
            if export.unpadded != packs:
                raise SystemExit(f"{asked.checkpoint} cannot be computed unpadded")
            runs.append(_session(path, graph.output_names))
        found = [
            _compared(name, texts, encoder, runs, batch=batch, repeats=asked.repeats)
            for name, texts in files.items()
            for batch in asked.batch
        ]
    _show(found)
    machine = facts.machine(parse("grpc://localhost:8001"))
    report = {"checkpoint": asked.checkpoint, "precision": asked.precision, "max_length": width}
    report |= {"made": facts.now(), "machine": machine, "onnxruntime": onnxruntime.__version__}
    report["figures"] = [{**vars(one), "ratio": round(one.ratio, 3)} for one in found]
    if asked.output:
        asked.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _compared(
    name: str, texts: Sequence[str], encoder: Encoder, runs: Sequence[Run], *, batch: int, repeats: int
) -> Comparison:
    batches = list(_batches(texts, encoder, batch))
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats + 1):
        for taken, run in zip(seconds, runs, strict=True):
            taken.append(sum(_seconds(run, inputs) for inputs in batches))
    counted = sum(len(inputs["input_ids"]) for inputs in batches)
    padded, unpadded = (counted / statistics.median(taken[1:]) for taken in seconds)
    lengths = np.concatenate([inputs["attention_mask"].sum(axis=1) for inputs in batches])
    return Comparison(
        texts=name,
        count=counted,
        mean_tokens=round(float(lengths.mean()), 1),
        longest_tokens=int(lengths.max()),
        batch=batch,
        padded=round(padded, 2),
        unpadded=round(unpadded, 2),
    )


def _seconds(run: Run, inputs: Example) -> float:
    began = time.process_time()
    run(inputs)
    return time.process_time() - began


def _batches(texts: Sequence[str], encoder: Encoder, size: int) -> Iterator[Example]:
    for start in range(0, len(texts) - size + 1, size):
        yield encoder.encode(list(texts[start : start + size])).inputs


def _texts(path: Path, most: int) -> tuple[str, ...]:
    return input_data.read(
        path, text_column=None, label_column=None, label_separator=None, most=most, seed=0
    ).texts


def _encoder(checkpoint: Checkpoint, width: int) -> Encoder:
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_str(checkpoint.tokenizer.backend_tokenizer.to_str())
    return Encoder(
        tokenizer,
        max_length=width,
        input_names=checkpoint.input_names,
        pad_token_id=int(checkpoint.tokenizer.pad_token_id),
        truncation_side=checkpoint.tokenizer.truncation_side,
    )


def _session(path: Path, outputs: Sequence[str]) -> Run:
    """One thread, as each instance has when a server is busy."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(list(outputs), inputs)


def _show(found: Sequence[Comparison]) -> None:
    table = Table("texts", "tokens, mean", "longest", "batch", "padded, texts/s", "unpadded", "ratio")
    for one in found:
        table.add_row(
            one.texts,
            f"{one.mean_tokens:g}",
            str(one.longest_tokens),
            str(one.batch),
            f"{one.padded:.1f}",
            f"{one.unpadded:.1f}",
            f"{one.ratio:.2f}",
        )
    out.print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", help="a text classifier, as `tritext build` takes it")
    parser.add_argument(
        "--texts", action="append", type=Path, required=True, help="as `tritext bench --data`"
    )
    parser.add_argument("--precision", default="fp32", choices=OnnxFormat.precisions)
    parser.add_argument("--max-length", type=int, help="width of the rows, in tokens")
    parser.add_argument("--batch", action="append", type=int, default=None, help="texts at a time; 8 and 32")
    parser.add_argument("--most", type=int, default=512, help="texts of each file")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="where to keep the figures, as JSON")
    asked = parser.parse_args()
    asked.batch = asked.batch or [8, 32]
    return asked


if __name__ == "__main__":
    main()
