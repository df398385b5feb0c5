"""RESULT is what `transformers.pipeline` says, for every format, precision and kind of classifier."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
import tritonclient.grpc as grpcclient

from tests.support.families import MAX_LENGTH, gate_texts
from tritext_serving import Server

FP32_TOLERANCE = 1e-4
REDUCED_TOLERANCE = 5e-2
STATIC_TOLERANCE = 0.1
"""int8 with scales that were fixed beforehand: a random network loses more by it than a trained one."""
MODELS = {
    "tiny": ("checkpoint", FP32_TOLERANCE),
    "tiny_torchscript": ("checkpoint", FP32_TOLERANCE),
    "tiny_openvino": ("checkpoint", FP32_TOLERANCE),
    "tiny_openvino_int8": ("checkpoint", STATIC_TOLERANCE),
    "tiny_multi": ("multi_label_checkpoint", FP32_TOLERANCE),
    "tiny_int8": ("checkpoint", REDUCED_TOLERANCE),
    "tiny_bf16": ("checkpoint", REDUCED_TOLERANCE),
}


@functools.cache
def originals(folder: Path, arguments: tuple[tuple[str, Any], ...]) -> list[list[dict[str, Any]]]:
    pipeline = transformers.pipeline("text-classification", str(folder))
    return [
        pipeline(text, truncation=True, max_length=MAX_LENGTH, **dict(arguments)) for text in gate_texts()
    ]


def served(
    server: Server, name: str, texts: list[str], parameters: dict[str, Any]
) -> list[list[dict[str, Any]]]:
    """Ask in batches of mixed lengths, as a client would."""
    rows: list[list[dict[str, Any]]] = []
    with grpcclient.InferenceServerClient(server.grpc_url) as client:
        for start in range(0, len(texts), 32):
            array = np.array([[text.encode()] for text in texts[start : start + 32]], dtype=np.object_)
            tensor = grpcclient.InferInput("TEXT", list(array.shape), "BYTES")
            tensor.set_data_from_numpy(array)
            answer = client.infer(name, [tensor], parameters=parameters)
            rows += [json.loads(row) for row in answer.as_numpy("RESULT").reshape(-1)]
    return rows


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        ({"top_k": "all"}, {"top_k": None}),
        ({"top_k": 2}, {"top_k": 2}),
        ({"top_k": "all", "function_to_apply": "sigmoid"}, {"top_k": None, "function_to_apply": "sigmoid"}),
        ({"top_k": "all", "function_to_apply": "none"}, {"top_k": None, "function_to_apply": "none"}),
    ],
    ids=["all", "top-2", "sigmoid", "none"],
)
def test_result_equals_the_pipeline(
    server: Server,
    request: pytest.FixtureRequest,
    name: str,
    parameters: dict[str, Any],
    arguments: dict[str, Any],
) -> None:
    fixture, tolerance = MODELS[name]
    folder: Path = request.getfixturevalue(fixture)
    expected = originals(folder, tuple(arguments.items()))
    for answer, original in zip(served(server, name, gate_texts(), parameters), expected, strict=True):
        _assert_alike(
            answer, original, tolerance if arguments.get("function_to_apply") != "none" else 10 * tolerance
        )


def _assert_alike(answer: list[dict[str, Any]], original: list[dict[str, Any]], tolerance: float) -> None:
    """Scores within the tolerance, rank by rank; the same labels in the same order, but for near ties."""
    assert len(answer) == len(original)
    known = {label["label"]: label["score"] for label in original}
    for ours, theirs in zip(answer, original, strict=True):
        assert ours["score"] == pytest.approx(theirs["score"], abs=tolerance)
        if ours["label"] in known:
            assert ours["score"] == pytest.approx(known[ours["label"]], abs=tolerance)
