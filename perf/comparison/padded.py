"""Replaces the graph of a built model by the same one on rows padded to the longest: `python -m comparison.padded`.

The longest of the whole batch: with its rows in runs of like length there would be little padding to compare with.
"""

import sys
from pathlib import Path

from tritext_build.checkpoint import open_checkpoint
from tritext_build.formats.onnx_format import OnnxFormat
from tritext_build.graph import served_graph
from tritext_build.runtime.encoding import Encoder
from tritext_build.tasks.task import DEFAULT_OPTIONS


def main(name: str, target: str, precision: str) -> None:
    checkpoint, model = open_checkpoint(name)
    graph = served_graph(checkpoint, model, checkpoint.task.blueprint(checkpoint, DEFAULT_OPTIONS))
    version = (
        Path(target).parents[2] / f"{Path(target).parents[1].name.removesuffix('_model')}_tokenizer" / "1"
    )
    encoder = encoder_of(version)
    example = encoder.encode([f"an example of {count} words " * count for count in range(1, 33)]).inputs
    new = Path(target).with_suffix(".padded.onnx")
    next(OnnxFormat(packs=False).exports(graph, example, new, precision))
    new.replace(target)
    with (Path(target).parents[1] / "config.pbtxt").open("a", encoding="utf-8") as config:
        config.write('parameters { key: "tokens_per_run" value { string_value: "0" } }\n')


def encoder_of(version: Path) -> Encoder:
    """The encoder of a built tokenizer step."""
    import json

    settings = json.loads((version / "settings.json").read_text(encoding="utf-8"))
    return Encoder.from_file(version / "tokenizer.json", **settings["encoder"])


if __name__ == "__main__":
    main(*sys.argv[1:])
