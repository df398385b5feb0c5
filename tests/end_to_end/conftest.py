"""One real Triton over the tiny models, for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tritext_serving import Server, running_server


@pytest.fixture(scope="package")
def server(repository: Path) -> Iterator[Server]:
    with running_server(repository) as running:
        yield running
