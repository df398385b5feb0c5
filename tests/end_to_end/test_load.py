"""Many users at once: nobody fails, every answer is right, and batches form across lengths."""

import asyncio

import pytest

from tests.support.families import gate_texts
from tests.support.load import hammer
from tritext_serving import Server


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tolerance"), [("tiny", 1e-5), ("tiny_int8", 1e-2), ("tiny_torchscript", 1e-5)]
)
def test_two_hundred_users_get_the_answers_that_each_text_gets_alone(
    server: Server, name: str, tolerance: float
) -> None:
    outcome = asyncio.run(
        hammer(server.grpc_url, name, gate_texts(), users=200, seconds=5, tolerance=tolerance)
    )
    assert outcome.errors == []
    assert outcome.wrong == []
    assert outcome.answers > 200


@pytest.mark.slow
def test_texts_of_mixed_length_share_batches(server: Server) -> None:
    """Fixed-width rows merge whatever the lengths: the point of the design."""
    outcome = asyncio.run(
        hammer(server.grpc_url, "tiny_multi", gate_texts(), users=64, seconds=5, tolerance=1)
    )
    assert outcome.average_batch > 2
