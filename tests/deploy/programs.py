"""Programs that check what is deployed. They come from Debian or from `make manifests`; where one is missing its tests are skipped, loudly."""

import os
import shutil
import ssl
import subprocess
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-manifests/bin"


def program(name: str, *, remedy: str) -> str:
    """Where it is; else the test is skipped, and says what brings it."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is missing: {remedy}")
    return found


def ask(url: str, certificate: Path, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Status and body of what an HTTPS server answers."""
    context = ssl.create_default_context(cafile=str(certificate))
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - https
    try:
        with urllib.request.urlopen(request, context=context) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def run(*command: str, **options: Any) -> str:
    """What it writes, if it succeeds."""
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, **options
    )
    assert done.returncode == 0, done.stdout
    output: str = done.stdout
    return output
