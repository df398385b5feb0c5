"""A new task is a class, two small files of served code, and one entry in a table; `docs/tasks.md` shows these."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import tritonclient.grpc as grpcclient
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.build.grading.task import GRADES, Grading
from tests.support.families import gate_texts, make
from tritext_build import BuildRequest, build
from tritext_build.tasks import TASKS
from tritext_serving import running_server

ROOT = Path(__file__).parents[2]


def test_a_task_that_was_just_added_is_built_checked_and_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TASKS, Grading.name, Grading())
    checkpoint = make(tmp_path / "checkpoint", head="regression")
    manifest = build(
        BuildRequest(
            checkpoint=str(checkpoint), name="essays", task="grading", repository=tmp_path / "served"
        )
    )
    assert manifest.task == "grading"
    assert {gate.name for gate in manifest.gates} == {"labels", "logits", "company"}
    texts = gate_texts()[:16]
    with running_server(tmp_path / "served") as server:
        assert asked(server.grpc_url, texts) == graded(checkpoint, texts)


def asked(url: str, texts: list[str]) -> list[str]:
    array = np.array([[text.encode()] for text in texts], dtype=np.object_)
    tensor = grpcclient.InferInput("TEXT", list(array.shape), "BYTES")
    tensor.set_data_from_numpy(array)
    with grpcclient.InferenceServerClient(url) as client:
        rows = client.infer("essays", [tensor]).as_numpy("RESULT").reshape(-1)
    return [json.loads(row)["grade"] for row in rows]


def graded(checkpoint: Path, texts: list[str]) -> list[str]:
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    inputs = tokenizer(texts, truncation=True, padding=True, return_tensors="pt")
    with torch.inference_mode():
        numbers = model(**inputs).logits[:, 0].numpy()
    return [GRADES[int(np.clip(np.round(number), 0, 2))] for number in numbers]


@pytest.mark.parametrize("name", ["rows.py", "answers.py", "task.py"])
def test_the_page_on_adding_tasks_names_the_files_of_the_example(name: str) -> None:
    assert f"tests/build/grading/{name}" in (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
