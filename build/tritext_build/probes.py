"""What a rollout asks a version before it goes live: a few requests, and what the version answered when it was built.

The answers are those of the published files, run in this process: the gates tie them to the original, and the probes tie
a server to them. The texts are Tritext's own, never a user's.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .checkpoint import Checkpoint
from .layout import ModelVersion
from .model_config import STRING, Tensor
from .original import own_texts
from .runtime.encoding import Encoder
from .tasks.task import Shape
from .unserved import Arrays, InProcess, RefusedRequest

COUNT = 5
LONGEST = 200
"""Characters of a probe's text: Triton carries the probes in a parameter of a configuration."""

FEW_CHARACTERS = 20
"""Of a text before a mask, which must not be cut off."""

TOLERANCE = 1e-3
REDUCED_TOLERANCE = 2e-2
"""By how much figures may differ from those of the machine that built, where all is FP32 and where it is not."""

LABELS = ("travel", "cooking", "sport")
QUESTION = "What is it about?"


def probes_path(version: ModelVersion) -> Path:
    """In the repository, beside the manifest."""
    return Path(version.manifest_path).with_name("probes.json")


def write_probes(
    version: ModelVersion, checkpoint: Checkpoint, output_names: Sequence[str], staged: Path
) -> None:
    """Ask the version under `staged`, and keep what it answers beside where its manifest will be."""
    model = _opened(version, checkpoint, output_names, staged)
    reduced = version.precision != "fp32"
    probes = list(itertools.islice(_probes(version, checkpoint, model), COUNT))
    figures = [np.abs(value) for probe in probes for value in _figures(probe["answer"])]
    scale = max([1.0, *(float(each.max(initial=0)) for each in figures)])
    content = {
        "tolerance": scale * (REDUCED_TOLERANCE if reduced else TOLERANCE),
        # Where two answers are all but equally good, another processor's rounding may take the other one.
        "may_fail": COUNT // 2 if reduced else 0,
        "probes": probes,
    }
    (staged / probes_path(version)).write_text(
        json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _opened(
    version: ModelVersion, checkpoint: Checkpoint, output_names: Sequence[str], staged: Path
) -> InProcess:
    """The version's own files in the place of the checkpoint's: vocabulary, settings, graph."""
    run = version.format.load(staged / version.graph_path, output_names)
    names = (*version.input_names, *(tensor.name for tensor in version.blueprint.extra_inputs))

    def compute(tensors: Arrays) -> Arrays:
        return run({name: tensors[name] for name in names})

    decoding = {"tokenizer": staged / version.tokenizer_paths[1]} if version.blueprint.decodes else {}
    return InProcess(
        task=checkpoint.task,
        blueprint=version.blueprint,
        encoder=Encoder.from_file(staged / version.tokenizer_paths[0], **version.encoder_settings()),
        compute=compute,
        answering=decoding,
    )


def _probes(version: ModelVersion, checkpoint: Checkpoint, model: InProcess) -> Iterator[dict[str, Any]]:
    """Those of our requests that the version does not refuse, for instance because its texts are very short."""
    for arrays in _requests(version, checkpoint):
        with suppress(RefusedRequest):
            yield _probe(version, model, arrays)


def _requests(version: ModelVersion, checkpoint: Checkpoint) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """The inputs of requests, as clients send them."""
    texts = [text for text in own_texts() if text.strip() and len(text) <= LONGEST]
    for index in range(len(texts)):
        others = itertools.islice(itertools.cycle(texts), index, None)
        yield {
            tensor.name: _shaped(version, tensor, _value(tensor.name, others, checkpoint))
            for tensor in version.blueprint.inputs
        }


def _value(name: str, texts: Iterator[str], checkpoint: Checkpoint) -> list[str]:
    """What stands in an input of this name."""
    if name == "CANDIDATE_LABELS":
        return list(LABELS)
    if name == "QUESTION":
        return [QUESTION]
    if name == "TEXTS":
        return list(itertools.islice(texts, 3))
    if checkpoint.task.name == "fill-mask":
        return [f"{next(texts)[:FEW_CHARACTERS]} {checkpoint.tokenizer.mask_token}."]
    return [next(texts)]


def _shaped(version: ModelVersion, tensor: Tensor, texts: list[str]) -> npt.NDArray[Any]:
    """One request's tensor: a dimension for the texts of a request stands in front, unless it is a request as a whole."""
    values = np.array([text.encode() for text in texts], object)
    is_whole = version.blueprint.shape is Shape.REQUEST
    return values if is_whole or tensor.data_type != STRING else values[None, :]


def _probe(version: ModelVersion, model: InProcess, arrays: Arrays) -> dict[str, Any]:
    """A request in Triton's JSON, with the data of each output that was answered."""
    ensemble = version.configs()[-1]
    wanted = tuple(output.name for output in ensemble.outputs if output.name in _asked(version))
    answered = model.infer(arrays, {}, outputs=wanted)
    return {
        "request": {
            "inputs": [
                {
                    "name": name,
                    "shape": list(array.shape),
                    "datatype": "BYTES",
                    "data": [text.decode() for text in array.ravel()],
                }
                for name, array in arrays.items()
            ],
            "outputs": [{"name": name} for name in wanted],
        },
        "answer": {name: _plain(answered[name]) for name in wanted},
    }


def _asked(version: ModelVersion) -> set[str]:
    """What is said, and the figures that come straight from the graph or, for embeddings, the whole one."""
    said = {
        tensor.name
        for tensor in version.blueprint.answers
        if tensor.name in {"RESULT", "SCORES", "EMBEDDING"}
    }
    return said | {tensor.name for tensor in version.blueprint.direct.values()}


def _plain(array: npt.NDArray[Any]) -> list[Any]:
    """An output's data as JSON holds it; JSON in strings is read."""
    values = np.asarray(array).ravel().tolist()
    return [json.loads(value) if isinstance(value, (str, bytes)) else value for value in values]


def _figures(answer: dict[str, list[Any]]) -> Iterator[npt.NDArray[np.float64]]:
    for values in answer.values():
        if values and all(isinstance(value, float) for value in values):
            yield np.array(values)
