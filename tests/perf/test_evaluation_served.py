"""Law: through the server a model has the metrics of the checkpoint that it was built from, whatever its task."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Command
from tests.support.families import make
from tritext_build import BuildRequest, TaskOptions, build
from tritext_serving import running_server

LARGEST_DIFFERENCE = 1e-4

TEXTS = ("Where is my card?", "I want my money back, please", "naïve café ☕", "再見", "It costs 3.50 now")

CASES: dict[str, tuple[str, str, list[dict[str, Any]], str]] = {
    "pairs": (
        "nli",
        "text-classification",
        [{"premise": text, "hypothesis": "It is late.", "label": "neutral"} for text in TEXTS],
        "accuracy",
    ),
    "regression": (
        "regression",
        "text-classification",
        [{"text": text, "score": len(text)} for text in TEXTS],
        "spearman",
    ),
    "tagging": (
        "token-classification",
        "token-classification",
        [{"tokens": text.split(), "tags": ["O"] * len(text.split())} for text in TEXTS],
        "accuracy",
    ),
    "answering": (
        "question-answering",
        "question-answering",
        [{"question": "What?", "context": " ".join(TEXTS), "answers": [text]} for text in TEXTS],
        "f1",
    ),
    "zero_shot": (
        "nli",
        "zero-shot-classification",
        [{"text": text, "label": label} for text, label in zip(TEXTS, "abcab", strict=True)],
        "accuracy",
    ),
    "embedding": (
        "encoder",
        "feature-extraction",
        [{"text": text, "text_pair": TEXTS[0], "score": len(text)} for text in TEXTS],
        "spearman",
    ),
    "ranking": (
        "cross-encoder",
        "text-ranking",
        [{"query": TEXTS[0], "text": text, "label": int("c" in text)} for text in TEXTS],
        "map",
    ),
    "filling": (
        "fill-mask",
        "fill-mask",
        [{"text": f"{text} [MASK]", "label": "now"} for text in TEXTS],
        "accuracy_at_5",
    ),
}
"""By model: the head of its checkpoint, its task, data, and a metric that its task has."""


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_served_models_metrics_are_its_checkpoints(name: str, tmp_path: Path) -> None:
    head, task, rows, metric = CASES[name]
    checkpoint = make(tmp_path / "checkpoint", head=head)
    build(
        BuildRequest(
            checkpoint=str(checkpoint),
            name=name,
            repository=tmp_path / "repository",
            task=task,
            options=TaskOptions(pairs=name == "pairs"),
        )
    )
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with running_server(tmp_path / "repository") as server:
        tritext = Command(server.grpc_url)
        asked = ("evaluate", name, "--data", str(data), "--checkpoint", str(checkpoint))
        found = json.loads(tritext(*asked, "--json"))
        table = tritext(*asked)
    agreement = found["agreement"]
    assert found["served"][metric] == pytest.approx(found["checkpoint"][metric])
    assert agreement.pop("largest_difference") < LARGEST_DIFFERENCE
    assert set(agreement.values()) <= {1.0}
    assert "checkpoint" in table
