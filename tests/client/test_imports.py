"""What importing costs: parts that are not called are not loaded."""

import subprocess
import sys

import pytest

HEAVY = {"numpy", "grpc", "tritonclient", "gevent", "aiohttp", "torch", "transformers", "sklearn", "rich"}


def loaded_by(code: str) -> set[str]:
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], check=True, capture_output=True, text=True
    )
    return HEAVY & set(run.stdout.split())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import tritext", set()),
        ("import tritext; tritext.TritextError, tritext.ModelNotFound, tritext.Label", set()),
        ("import tritext; tritext.Client('localhost')", {"numpy", "grpc", "tritonclient"}),
        (
            "import tritext; tritext.Client('http://localhost')",
            {"numpy", "gevent", "aiohttp", "tritonclient"},
        ),
    ],
)
def test_only_what_is_used_is_loaded(code: str, expected: set[str]) -> None:
    assert loaded_by(code) == expected


def test_every_public_name_is_there_and_no_other() -> None:
    import tritext

    assert all(getattr(tritext, name) for name in tritext.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        tritext.nonsense  # noqa: B018
