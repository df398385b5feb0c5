"""Where perf_analyzer is taken from."""

from pathlib import Path

import pytest

from tritext_perf import installation
from tritext_perf.errors import BrokenPerfAnalyzer, NoPerfAnalyzer


def program(path: Path, *, says: str, status: int = 0) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_a_named_program_wins_and_tells_its_version(tmp_path: Path) -> None:
    path = program(tmp_path / "mine", says="Perf Analyzer Version 2.60.0 (commit unknown)")
    assert installation.find(path).version == "2.60.0"


@pytest.mark.parametrize(("says", "status"), [("true 9.1", 0), ("libb64.so.0d: cannot open", 127), ("", 0)])
def test_a_named_program_that_is_none_is_refused_with_what_it_said(
    tmp_path: Path, says: str, status: int
) -> None:
    with pytest.raises(BrokenPerfAnalyzer, match=says or "its version is"):
        installation.find(program(tmp_path / "other", says=says, status=status))


def test_a_program_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path / "perf_analyzer", says="Perf Analyzer Version 2.51.0 (commit unknown)")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installation.find().path == path


@pytest.mark.parametrize(
    ("system", "machine", "libc", "sentence"),
    [
        ("Darwin", "arm64", ("", ""), "Linux on x86-64, this is Darwin on arm64"),
        ("Linux", "aarch64", ("glibc", "2.39"), "this is Linux on aarch64"),
        ("Linux", "x86_64", ("glibc", "2.31"), "glibc 2.35 or newer, this is glibc 2.31"),
        ("Linux", "x86_64", ("", ""), "this is another C library"),
    ],
)
def test_a_machine_that_cannot_run_it_is_told_why_before_anything_is_fetched(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    libc: tuple[str, str],
    sentence: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TRITEXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("platform.libc_ver", lambda: libc)
    with pytest.raises(NoPerfAnalyzer, match=sentence):
        installation.find()
    assert not (tmp_path / "cache").exists()


def test_without_a_package_index_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TRITEXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for variable in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(NoPerfAnalyzer, match="pip could not download"):
        installation.find()
    assert list((tmp_path / "cache").iterdir()) == []
