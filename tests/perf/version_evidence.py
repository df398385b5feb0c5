"""Documents of one small version as the commands of Tritext write them, with texts that do their worst."""

import json
from pathlib import Path
from typing import Any

from tritext.checkpoints import sha256

WEIGHTS = b"weights of a network"

HOSTILE = {
    "script": "<script>alert('x')</script><img src=https://example.com/x.png onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)" style="background:url(https://example.com)',
    "template": "{{ 7 * 7 }} {% raw %} </style></script>",
    "right_to_left": "שלום עולם \N{RIGHT-TO-LEFT OVERRIDE}evil",
    "emoji": "wo ist mein Paket 😡👩\N{ZERO WIDTH JOINER}👧?!",
    "long": "unbrokenword" * 500,
    "lines": "one\r\ntwo\x0bthree",
}
"""Texts, and names of labels, that a page must show as they are and nothing else."""

LABELS = ["billing", HOSTILE["script"], "where_is_my_parcel_" + "x" * 200]


def per_label(shift: float = 0.0) -> list[dict[str, Any]]:
    return [
        {"label": label, "precision": 0.9, "recall": 0.8, "f1": 0.7 + place / 10 + shift, "support": 20}
        for place, label in enumerate(LABELS)
    ]


def training() -> dict[str, Any]:
    counts = dict.fromkeys(LABELS, 20)
    return {
        "task": "text-classification",
        "created": "2030-01-02T03:04:05+00:00",
        "options": {"data": "train <b>.csv", "epochs": None, "seed": 42, "overwrite": False},
        "base": {"source": "minilm", "revision": None, "sha256": "a" * 64},
        "data": {
            "labels": LABELS,
            "files": {"data": {"path": "train.csv", "sha256": "b" * 64, "rows": 90}, "eval_data": None},
            "splits": {
                name: {"rows": 60, "label_counts": counts} for name in ("train", "validation", "test")
            },
            "duplicates": {
                "within": {"train": 1, "validation": 0, "test": 0},
                "leaks": [{"between": ["train", "test"], "rows": 2, "examples": [HOSTILE["script"]]}],
            },
        },
        "training": {
            "epochs": 3.0,
            "learning_rate": 2e-4,
            "best_epoch": 2.0,
            "best_by": "macro_f1",
            "curves": [
                {
                    "epoch": epoch,
                    "train_loss": 1 / epoch,
                    "validation_loss": None if epoch == 1 else 0.5,
                    "validation_macro_f1": 0.8,
                }
                for epoch in (1.0, 2.0, 3.0)
            ],
        },
        "metrics": {"validation": {"macro_f1": 0.81}, "test": {"accuracy": 0.82, "macro_f1": 0.83}},
        "per_label": per_label(),
        "model": {"bytes": 90_983_460},
        "environment": {"cpu": "A processor", "cpu_cores": 2, "libraries": {"torch": "2.9"}},
        "seconds": 12.0,
    }


def manifest(version: int, **changes: Any) -> dict[str, Any]:
    gates = [
        {
            "name": "labels",
            "what": "the share",
            "measured": 0.995,
            "limit": 0.99,
            "at_least": True,
            "texts": 60,
        },
        {
            "name": "evaluation",
            "what": "the loss",
            "measured": 0.002,
            "limit": 0.005,
            "at_least": False,
            "texts": 60,
        },
    ]
    usual: dict[str, Any] = {
        "name": "mails",
        "version": version,
        "task": "text-classification",
        "format": "onnx",
        "precision": "int8",
        "recipe": "int8, but for 9 products",
        "unpadded": True,
        "tried": [
            {"precision": "fp32", "recipe": "fp32", "rows_per_second": 100.0, "failure": ""},
            {"precision": "int8", "recipe": "int8", "rows_per_second": 0.0, "failure": HOSTILE["script"]},
        ],
        "max_length": 128,
        "gates": gates,
        "files": {f"mails_model/{version}/model.onnx": {"sha256": "c" * 64, "bytes": 59_600_000}},
        "built": {"at": "2030-01-03T00:00:00+00:00", "libraries": {"tritext": "0.1.0"}},
    }
    return {**usual, **changes}


def evaluation(**changes: Any) -> dict[str, Any]:
    return {
        "model": "mails",
        "task": "text-classification",
        "data": "held-out.csv",
        "rows": 60,
        "served": {"accuracy": 0.81, "macro_f1": 0.8211, "labels": per_label()},
        "checkpoint": {"accuracy": 0.82, "macro_f1": 0.8311, "labels": per_label(shift=0.01)},
        "agreement": {"labels": 0.99, "largest_difference": 0.0123},
        **changes,
    }


def bench() -> dict[str, Any]:
    latency = {"mean": 10.0, "p50": 9.0, "p90": 15.0, "p95": 18.0, "p99": 31.0}
    stages = [
        {"name": "tokenizer", "queue": 1.0, "compute": 2.0},
        {"name": "model", "queue": 1.0, "compute": 5.0},
    ]
    figures = {"latency": latency, "errors": 0, "spread": 0.4, "steady": False, "average_batch": None}
    return {
        "model": {"name": "mails", "version": "2"},
        "data": {"path": "held-out.csv", "sha256": "d" * 64, "rows": 60},
        "machine": {"cpu": "A processor", "usable_cores": 2, "server_is_local": True},
        "date": "2030-01-04T00:00:00+00:00",
        "scenarios": [
            {
                "scenario": {"kind": "users", "load": 8},
                "throughput": 123.4,
                "stages": stages,
                "elsewhere": 1.0,
                **figures,
            },
            {"scenario": {"kind": "rate", "load": 900.0}, "reason": HOSTILE["script"], "errors": 3},
        ],
    }


def write_checkpoint(folder: Path) -> Path:
    """A checkpoint's folder as training leaves it, but for the network."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    write_json(folder / "training_report.json", training())
    rows = [[text, LABELS[0], LABELS[1], "0.9"] for text in HOSTILE.values()]
    cells = [["text", "expected", "predicted", "score"], *rows]
    lines = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in cells)
    (folder / "false_predictions.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")
    return folder


def write_version(repository: Path, version: int, checkpoint: Path, **changes: Any) -> None:
    """A version's manifest, as built from the checkpoint."""
    weights = checkpoint / "model.safetensors"
    facts = {"sha256": sha256(weights), "bytes": weights.stat().st_size}
    source = {"source": str(checkpoint), "files": {"model.safetensors": facts}}
    folder = repository / "mails_tokenizer" / str(version)
    folder.mkdir(parents=True)
    write_json(folder / "manifest.json", manifest(version, checkpoint=source, **changes))


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path
