"""What Triton's page of metrics says of texts, beyond what Triton knows of requests."""

import importlib
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from tritext import Client
from tritext.failures import ClientError
from tritext_serving import Server

Count = Callable[..., float]


@pytest.fixture
def counted(server: Server) -> Count:
    """How much a counter of the model `tiny` has grown since the test began, over all labels that are not given."""
    start = _settled(server)

    def since(name: str, **labels: str) -> float:
        wanted = [f'{key}="{value}"' for key, value in {**labels, "model": "tiny"}.items()]
        return sum(
            value - start.get(series, 0)
            for series, value in _page(server).items()
            if series.startswith(f"{name}{{") and all(each in series for each in wanted)
        )

    return since


def _page(server: Server) -> dict[str, float]:
    with urllib.request.urlopen(server.metrics_url) as page:  # noqa: S310
        lines = [line for line in page.read().decode().splitlines() if not line.startswith("#")]
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}


def _settled(server: Server) -> dict[str, float]:
    """The page, when all that was asked before has been counted: steps tell Triton once a second."""
    before: dict[str, float] = {}
    while True:
        page = _page(server)
        own = {series: value for series, value in page.items() if series.startswith("tritext_")}
        if own == before:
            return page
        before = own
        time.sleep(1.3)


def _soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within a few seconds: steps tell Triton what they counted once a second."""
    end = time.monotonic() + 10
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_texts_their_tokens_and_the_truncated_ones_are_counted(server: Server, counted: Count) -> None:
    """Every text counts once, with all its tokens, as TOKEN_COUNT tells them to the client."""
    texts = ["short", "a little longer", "long " * 1000]
    with Client(server.grpc_url) as client:
        lengths = client.token_counts("tiny", texts)
    assert _soon(lambda: counted("tritext_texts_total") == 3)
    assert counted("tritext_tokens_total") == lengths.sum()
    assert counted("tritext_truncated_texts_total") == 1


def test_a_refusal_counts_under_its_reason_whichever_step_refuses(server: Server, counted: Count) -> None:
    """Triton counts it as two failures of the ensemble: the rules halve them, and take the rest for the server's own errors."""
    mistakes: list[dict[str, Any]] = [{"truncation": "error"}, {"top_k": -1}, {"truncation": "no such word"}]
    with Client(server.grpc_url) as client:
        for options in mistakes:
            with suppress(ClientError):
                client.classify("tiny", "long " * 1000, **options)
    assert _soon(lambda: counted("tritext_rejected_rows_total") == 3)
    assert counted("tritext_rejected_rows_total", reason="too_long") == 1
    assert counted("tritext_rejected_rows_total", reason="parameter") == 2
    assert counted("nv_inference_request_failure") == 2 * 3


def test_a_text_that_is_not_utf_8_counts_as_one_of_encoding(server: Server, counted: Count) -> None:
    """What reaches no tokenizer is no text, and is counted as refused."""
    import numpy as np
    from tritonclient.grpc import InferenceServerClient, InferInput
    from tritonclient.utils import InferenceServerException

    text = InferInput("TEXT", [1, 1], "BYTES").set_data_from_numpy(np.array([[b"\xff"]], np.object_))
    with InferenceServerClient(server.grpc_url) as client, pytest.raises(InferenceServerException):
        client.infer("tiny", [text])
    assert _soon(lambda: counted("tritext_rejected_rows_total", reason="encoding") == 1)
    assert counted("tritext_texts_total") == 0


@pytest.mark.parametrize("has_family", [False, True])
def test_a_triton_without_metrics_serves_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
    has_family: bool,  # noqa: FBT001
) -> None:
    """Whether it is too old to have them, or was told to keep none."""
    triton = ModuleType("triton_python_backend_utils")

    class Off(Exception): ...

    def family(**_: object) -> None:
        raise Off

    triton.TritonModelException = Off  # type: ignore[attr-defined]
    if has_family:
        family.COUNTER = 0  # type: ignore[attr-defined]
        triton.MetricFamily = family  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, triton.__name__, triton)
    monkeypatch.delitem(sys.modules, "tritext_build.runtime.metrics", raising=False)
    metrics = importlib.import_module("tritext_build.runtime.metrics")
    monkeypatch.delitem(sys.modules, "tritext_build.runtime.metrics")
    counting = metrics.Metrics({"model_name": "tiny_tokenizer", "model_version": "1"}, max_length=8)
    counting.count([], [])
    counting.close()
    assert metrics.plain_name("tiny_tokenizer@3") == "tiny"
