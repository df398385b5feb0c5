"""What a client answers, from a real server: the same over both protocols, blocking and async, however it is split."""

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from tests.client.conftest import Ask
from tritext import AsyncClient, Client, InvalidText, Label
from tritext_serving import Server

LABELS = ("calm", "cross", "curious")


@pytest.fixture(scope="module")
def alone(server: Server, texts: list[str]) -> list[list[Label]]:
    """Each text's answer when it is asked alone, over gRPC."""
    with Client(server.grpc_url) as client:
        return [client.classify("tiny", text, top_k="all") for text in texts]


def same(one: list[Label], other: list[Label]) -> bool:
    """The same labels in the same order, with scores that differ by rounding at most."""
    names = [label.label for label in one] == [label.label for label in other]
    return names and all(abs(a.score - b.score) < 1e-5 for a, b in zip(one, other, strict=True))


def test_many_texts_are_answered_as_each_one_alone_in_order(
    ask: Ask, texts: list[str], alone: list[list[Label]]
) -> None:
    answers = ask("classify", "tiny", texts, top_k="all")
    assert len(answers) == len(texts)
    assert all(map(same, answers, alone))


@pytest.mark.parametrize("size", [1, 7, 64])
def test_how_texts_are_split_changes_no_answer(
    ask: Ask, texts: list[str], alone: list[list[Label]], size: int
) -> None:
    answers = ask("classify", "tiny", iter(texts[:70]), top_k=None, batch_size=size)
    assert all(map(same, answers, alone[:70]))


def test_an_answer_holds_top_k_labels_best_first_that_sum_to_one(ask: Ask) -> None:
    for count in (1, 2, 3, 99, 10**30):
        scores = [label.score for label in ask("classify", "tiny", "a text", top_k=count)]
        assert len(scores) == min(count, 3)
        assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-5)


def test_function_to_apply_replaces_the_models_own(ask: Ask) -> None:
    softmax, logits = (
        {label.label: label.score for label in ask("classify", "tiny", "a text", top_k="all", **options)}
        for options in ({}, {"function_to_apply": "none"})
    )
    exponentials = {name: np.exp(logit) for name, logit in logits.items()}
    expected = {name: value / sum(exponentials.values()) for name, value in exponentials.items()}
    assert softmax == pytest.approx(expected, abs=1e-5)


def test_probabilities_are_the_scores_in_the_order_of_the_labels(
    ask: Ask, texts: list[str], alone: list[list[Label]]
) -> None:
    names = ask("labels", "tiny")
    probabilities = ask("probabilities", "tiny", texts)
    assert names == LABELS
    assert probabilities.shape == (len(texts), 3)
    assert probabilities.dtype == np.float32
    by_name = [{label.label: label.score for label in answer} for answer in alone]
    assert probabilities == pytest.approx(
        np.array([[row[name] for name in names] for row in by_name]), abs=1e-5
    )


def test_one_text_and_no_text_have_their_shapes(ask: Ask) -> None:
    assert ask("probabilities", "tiny", "a text").shape == (3,)
    assert ask("probabilities", "tiny", []).shape == (0, 3)
    assert ask("token_counts", "tiny", []).shape == (0,)
    assert ask("classify", "tiny", []) == []


def test_token_counts_are_lengths_before_truncation(ask: Ask) -> None:
    short, long = ask("token_counts", "tiny", ["a", "a " * 500])
    assert (short, long) == (3, 502)


def test_odd_texts_are_answered(ask: Ask) -> None:
    odd = [
        "",
        " ",
        "\0",
        "-",
        "\n\n",
        "😀" * 50,
        "é\u0301",
        "\u202e",
        "x" * 1_000_000,
        "'; DROP TABLE",
        '{"a"',
    ]
    assert len(ask("classify", "tiny", odd)) == len(odd)


def test_models_are_listed_without_their_steps(ask: Ask) -> None:
    (tiny,) = ask("models")
    assert (tiny.name, tiny.versions, tiny.task, tiny.ready) == ("tiny", (1,), "text-classification", True)
    assert tiny.max_batch_size == 64
    assert [tensor.name for tensor in tiny.inputs] == ["TEXT"]
    assert {t.name: t.shape for t in tiny.outputs} == {
        "PROBABILITIES": (3,),
        "RESULT": (1,),
        "TOKEN_COUNT": (1,),
    }
    names = {model.name for model in ask("models", everything=True)}
    assert names == {"tiny", "tiny_tokenizer", "tiny_model", "tiny_postprocess"}


def test_a_model_is_described_with_its_versions(ask: Ask) -> None:
    assert ask("model", "tiny", version=1).versions == (1,)
    assert ask("model", "tiny_tokenizer").output("input_ids").shape == (64,)


def test_waiting_for_what_is_ready_returns_at_once(ask: Ask) -> None:
    ask("wait_until_ready", timeout=5.0)
    ask("wait_until_ready", "tiny", timeout=5.0)


def test_bad_texts_are_returned_in_their_places(ask: Ask) -> None:
    rows = ["good"] * 130
    rows[3], rows[64], rows[65], rows[129] = "a " * 100, "\ud800", None, "a " * 90  # type: ignore[call-overload]
    answers = ask("classify", "tiny", rows, truncation="error", errors="return")
    bad = {place: answer for place, answer in enumerate(answers) if isinstance(answer, InvalidText)}
    assert list(bad) == [3, 64, 65, 129]
    assert all(error.row == place for place, error in bad.items())
    assert "102 tokens" in str(bad[3])
    assert all(same(answer, answers[0]) for place, answer in enumerate(answers) if place not in bad)


# ---- streams


def endless() -> Iterator[str]:
    while True:
        yield "again"


def test_a_stream_reads_no_more_than_is_under_way(client: Client) -> None:
    read = []

    def noted() -> Iterator[str]:
        for text in endless():
            read.append(text)
            yield text

    answers = client.stream("tiny", noted(), batch_size=2)
    first = next(answers)
    assert len(read) <= 2 * (4 + 1)
    assert first == next(answers)
    answers.close()  # type: ignore[attr-defined]


def test_a_stream_gives_what_came_before_a_bad_text(client: Client) -> None:
    answers = client.stream("tiny", ["good", "good", None, "good"], batch_size=2)
    assert len([next(answers), next(answers)]) == 2
    with pytest.raises(InvalidText) as caught:
        next(answers)
    assert caught.value.row == 2


def test_an_error_of_the_texts_own_source_comes_out(client: Client) -> None:
    def broken() -> Iterator[str]:
        yield "good"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        client.classify("tiny", broken())


async def test_an_async_stream_takes_async_texts(url: str) -> None:
    async def texts() -> AsyncIterator[str]:
        for number in range(100):
            await asyncio.sleep(0)
            yield f"text {number}"

    async with AsyncClient(url) as client:
        answers = [answer async for answer in client.stream("tiny", texts(), batch_size=9)]
        assert answers == await client.classify("tiny", [f"text {number}" for number in range(100)])


async def test_many_async_calls_share_a_client(url: str, texts: list[str], alone: list[list[Label]]) -> None:
    async with AsyncClient(url) as client:
        answers = await asyncio.gather(*(client.classify("tiny", text, top_k="all") for text in texts))
    assert all(map(same, answers, alone))


def test_many_threads_share_a_client(client: Client, texts: list[str], alone: list[list[Label]]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda text: client.classify("tiny", text, top_k="all"), texts))
    assert all(map(same, answers, alone))


def test_a_closed_client_leaves_no_thread_and_no_open_file(url: str, texts: list[str]) -> None:
    def ask() -> None:
        with Client(url) as client:
            client.classify("tiny", texts, batch_size=10)
        user = threading.Thread(target=client_of_a_thread, args=(url,))
        user.start()
        user.join()

    ask()
    before = psutil.Process().num_fds()
    for _ in range(5):
        ask()
    deadline = time.monotonic() + 5  # gRPC closes its sockets behind our back
    while psutil.Process().num_fds() > before + 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tritext-")]


def client_of_a_thread(url: str) -> None:
    with Client(url) as client:
        client.classify("tiny", "text")


def test_a_client_that_is_forgotten_ends_by_itself(url: str) -> None:
    Client(url).classify("tiny", ["text"])
    gc.collect()
    deadline = time.monotonic() + 5
    while [thread for thread in threading.enumerate() if thread.name.startswith("tritext-")]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
