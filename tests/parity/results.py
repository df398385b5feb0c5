"""Figures on disk: each cell is kept as soon as it is made, so that a run that was ended goes on where it was."""

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.parity.measuring import Cell
from tests.support.qa_oracle import oracle_python
from tritext.address import parse
from tritext_perf import facts

LIBRARIES = (
    *("tritext", "torch", "transformers", "sentence-transformers", "tokenizers", "onnxruntime", "numpy"),
    *("nvidia-pytriton", "tritonclient"),
)


class Results:
    """A file of cells by key; `facts` say under which circumstances they were made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        self.facts: dict[str, Any] = kept.get("facts", {})
        self.cells: dict[str, dict[str, Any]] = kept.get("cells", {})

    def is_done(self, key: str) -> bool:
        """Cells that fail are made again."""
        return bool(self.cells.get(key, {}).get("passed"))

    def keep(self, cell: Cell) -> None:
        self.cells[cell.key] = cell.as_dict()
        self.write()

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"facts": self.facts, "cells": self.cells}
        unfinished = self.path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(self.path)


def circumstances(corpus: str) -> dict[str, Any]:
    """Machine, versions, date and texts."""
    machine = facts.machine(parse("localhost"))
    del machine["server_is_local"]
    return {
        "date": facts.now(),
        "texts": corpus,
        "machine": machine,
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES}
        | {"transformers for question answering": _version_of_the_oracle()},
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def _version_of_the_oracle() -> str:
    python = oracle_python()
    if python is None:
        return "none"
    code = "import importlib.metadata as m; print(m.version('transformers'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
