"""Laws of the precision: chosen by the hardware, told in the report, and gone from what training leaves."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.conftest import options
from tests.training.tiny_tasks import KINDS, make_data
from tritext.processor import cpu_flags
from tritext_training import precision, run


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 avx512f avx512_bf16", "bf16"),
        ("fpu avx512f amx_bf16 amx_tile", "bf16"),
        ("fpu avx2 avx512f avx512_vnni", "fp32"),
    ],
)
def test_processors_that_multiply_bf16_train_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, expected: str
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n")
    found = cpu_flags(cpuinfo)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision, "cpu_flags", lambda: found)
    assert precision.fastest_precision() == expected


def test_a_machine_that_does_not_tell_its_instructions_trains_in_fp32(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "absent") == set()


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_trains_in_bf16_if_it_need_not_emulate_it(
    monkeypatch: pytest.MonkeyPatch, *, native: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: native)
    assert precision.fastest_precision() == ("bf16" if native else "fp32")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_bf16_learns_what_fp32_learns_and_leaves_fp32_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: Path, kind: str
) -> None:
    task, _, _, needed = KINDS[kind]
    given = {"task": task, "data": make_data(tmp_path, kind), "base": str(base), "epochs": 1, **needed}
    reports = {}
    for chosen in ("bf16", "fp32"):
        monkeypatch.setattr(run, "fastest_precision", lambda chosen=chosen: chosen)
        reports[chosen] = run.train(options(**given, output=tmp_path / chosen))
        assert reports[chosen]["training"]["precision"] == chosen
        weights = load_file(tmp_path / chosen / "model.safetensors").values()
        assert {tensor.dtype for tensor in weights} == {torch.float32}
    first, second = (reports[chosen]["training"]["curves"][0] for chosen in ("bf16", "fp32"))
    assert first["train_loss"] == pytest.approx(second["train_loss"], rel=0.05)
    assert first["train_loss"] != second["train_loss"], "bf16 was used"
