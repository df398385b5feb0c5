"""From raw files to the page: medians, ratios within rounds, and what is said of a system that did not run."""

import json
from pathlib import Path
from typing import Any

import pytest

from comparison import page
from comparison.samples import Samples

SYSTEMS: dict[str, Any] = {
    "tritext_onnx_fp32": {"title": "Tritext, ONNX Runtime", "kind": "tritext", "precision": "fp32"},
    "offline_tritext_onnx_fp32": {"title": "offline, our graph", "kind": "ceiling", "precision": "fp32"},
    "offline_onnxruntime_fp32": {"title": "offline, ONNX Runtime", "kind": "ceiling", "precision": "fp32"},
    "fastapi": {"title": "FastAPI", "kind": "peer", "precision": "fp32"},
    "slow": {"title": "Slow", "kind": "peer", "precision": "fp32"},
    "broken": {"title": "Broken", "kind": "peer", "precision": "int8", "failed": "it needs Java"},
}
RATES = {
    "tritext_onnx_fp32": (100, 200, 90),
    "offline_tritext_onnx_fp32": (110, 250, 100),
    "offline_onnxruntime_fp32": (125, 250, 100),
    "fastapi": (50, 40, 45),
    "slow": (10, 10, 10),
}


def document() -> dict[str, Any]:
    quality = {"mails": {"agreement": 1.0, "accuracy": 0.9}}
    return {
        "part": "peers",
        "made": "2026-01-02T03:04:05+00:00",
        "machine": {"cpu": "A processor", "usable_cores": 2, "memory_gib": 8.0, "system": "Linux"},
        "versions": {"onnxruntime": "1.2.3"},
        "checkpoint": "mails",
        "settings": {"rounds": 3, "seconds": 4.0},
        "mixes": {"mails": {"count": 3, "tokens": {"mean": 20.0}}},
        "systems": {
            name: {"remark": "as is", "quality": quality, **facts} for name, facts in SYSTEMS.items()
        },
        "samples": [
            {"round": number, "system": name, "mix": "mails", "users": 64, "rate": 0.0, "throughput": rate}
            | {"p50": 1.0, "p90": 2.0, "p99": 3.0, "errors": number}
            for name, rates in RATES.items()
            for number, rate in enumerate(rates)
        ],
    }


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    samples = Samples(document())
    assert samples.median("tritext_onnx_fp32", users=64) == 100
    assert samples.ratio("tritext_onnx_fp32", "offline_tritext_onnx_fp32", users=64) == pytest.approx(0.9)
    assert samples.ratio("tritext_onnx_fp32", "fastapi", users=64) == 2.0
    assert samples.best(samples.of_kind("peer"), users=64) == "fastapi"
    assert samples.errors("fastapi") == 0 + 1 + 2
    assert samples.median("fastapi", users=1) is None


def test_the_page_has_every_system_and_names_the_one_without_figures(tmp_path: Path) -> None:
    (tmp_path / "peers.json").write_text(json.dumps(document()))
    text = page.render(tmp_path)
    assert "| **Tritext, ONNX Runtime** | fp32 | 100 | 1.0 / 3.0 | 100.000% | 90.00% | 3 |" in text
    assert "Broken, int8, gave no figures: it needs Java" in text
    assert "over best peer, fp32: FastAPI" in text
    assert "2.00\u00d7" in text


def test_crowds_are_compared_with_fewer_users(tmp_path: Path) -> None:
    crowds = document()
    crowds["samples"] += [
        {**sample, "users": 512, "throughput": sample["throughput"] / 2} for sample in crowds["samples"]
    ]
    (tmp_path / "crowds.json").write_text(json.dumps(crowds))
    text = page.render(tmp_path)
    assert "| **Tritext, ONNX Runtime** | fp32 | 100 · 0.00 | 50 · 0.00 | 0.50\u00d7 |" in text


def test_waits_at_random_arrivals_have_a_table_and_a_picture(tmp_path: Path) -> None:
    arrivals = document()
    arrivals["samples"] = [
        {**sample, "users": 0, "rate": rate} for sample in arrivals["samples"] for rate in (50.0, 90.0)
    ]
    (tmp_path / "arrivals.json").write_text(json.dumps(arrivals))
    page.write([tmp_path], tmp_path / "performance.md")
    text = (tmp_path / "performance.md").read_text()
    assert "| system | precision | 50/s | 90/s |" in text
    assert "| **Tritext, ONNX Runtime** | fp32 | 1.0 / 3.0 | 1.0 / 3.0 |" in text
    assert (tmp_path / "performance_arrivals.png").read_bytes().startswith(b"\x89PNG")


def test_a_part_is_shown_from_the_last_run_that_has_it_and_says_where_it_lies(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, names in ((old, ("peers", "ceilings")), (new, ("ceilings", "endurance"))):
        folder.mkdir()
        for name in names:
            made = {"part": name, "checkpoint": folder.name}
            (folder / f"{name}.json").write_text(json.dumps({**document(), **made}))
    text = page.render(old, new)
    assert "A small model: old" in text
    assert "Ceilings: new" in text
    assert (
        f"- `peers`: A processor, 2 cores, 8.0 GiB, Linux; 2026-01-02; onnxruntime 1.2.3; raw files in `{old}`."
        in text
    )
    assert (
        f"- `ceilings`: A processor, 2 cores, 8.0 GiB, Linux; 2026-01-02; onnxruntime 1.2.3; raw files in `{new}`."
        in text
    )


def test_what_the_server_costs_a_lone_user_is_told(tmp_path: Path) -> None:
    alone = document()
    alone["samples"] = [
        {**sample, "users": 1, "p50": 2.0 if sample["system"].startswith("offline") else 3.5}
        for sample in alone["samples"]
    ]
    (tmp_path / "peers.json").write_text(json.dumps(alone))
    assert "| **Tritext, ONNX Runtime** | fp32 | 3.5 | 2.0 | 1.5 |" in page.render(tmp_path)


def test_without_raw_files_there_is_no_page(tmp_path: Path) -> None:
    assert page.render(tmp_path) == ""
