"""Requests far beyond one row of the model are answered as the original answers them, and share batches with others."""

import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from tests.parity.cases import CASES, Case
from tests.parity.comparing import TOLERANCE
from tests.parity.originals import Call
from tests.support.families import gate_texts, make
from tritext import Client
from tritext_build import BuildRequest, build
from tritext_serving import Server, running_server

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

AT_ONCE = 8
ROUNDS = 5
"""Whether requests meet in the model's queue is a matter of time: one round of some must see it."""

SETTLING_S = 0.3
COUNTING_S = 20


def text_of(*, characters: int = 0, words: int = 0) -> str:
    """At least so long, of sentences in many scripts."""
    sentences: list[str] = []
    for sentence in cycle(text for text in gate_texts() if text.strip()):
        sentences.append(sentence)
        text = " ".join(sentences)
        if len(text) >= characters and len(text.split()) >= words:
            return text
    raise AssertionError


@dataclass(frozen=True, kw_only=True)
class Large:
    """A model and what it is asked.

    Attributes:
        rows: At least so many of the model does `item` make.
        company: What stands with as many of `item` in the queue; more of the same unless given.
        layers: Of the model: enough of them that it takes longer than its tokenizer, and rows wait for it.
    """

    case: str
    family: str
    form: str
    max_length: int
    item: Any
    rows: int
    company: Any = None
    options: dict[str, Any]
    layers: int = 2

    @property
    def known(self) -> Case:
        return CASES[self.case]


PASSAGES = tuple(islice(cycle(gate_texts()), 200))
LARGE = {
    "context_of_20000_characters": Large(
        case="question-answering",
        family="roberta",
        form="torchscript",
        max_length=384,
        item=("What is it about?", text_of(characters=20_000)),
        rows=20,
        options={"top_k": 3},
    ),
    "text_of_5000_words": Large(
        case="token-classification",
        family="bert",
        form="torchscript",
        max_length=256,
        item=text_of(words=5_000),
        rows=20,
        options={"aggregation_strategy": "first", "stride": 32},
    ),
    "fifty_labels": Large(
        case="zero-shot-classification",
        family="bert",
        form="onnx",
        max_length=64,
        item=(gate_texts()[7], tuple(f"label {number}" for number in range(50))),
        rows=50,
        options={"multi_label": True},
        layers=12,
    ),
    "two_hundred_passages": Large(
        case="text-ranking",
        family="xlm-roberta",
        form="torchscript",
        max_length=64,
        item=("Where is it?", PASSAGES),
        rows=200,
        # The model takes 256 rows at once.
        company=("Who was it?", PASSAGES[:50]),
        options={},
        layers=8,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Served:
    server: Server
    client: Client
    checkpoints: Path

    def computed(self, name: str, at_least: int = 0) -> tuple[int, int]:
        """Rows that the model has computed, and the batches in which it has; Triton counts after it has answered."""
        counts = self._counts(name)
        deadline = time.monotonic() + COUNTING_S
        while True:
            time.sleep(SETTLING_S)
            before, counts = counts, self._counts(name)
            settled = counts == before and counts[0] >= at_least
            if settled or time.monotonic() > deadline:
                return counts

    def _counts(self, name: str) -> tuple[int, int]:
        with urllib.request.urlopen(self.server.metrics_url) as page:  # noqa: S310 - our own server's
            lines = page.read().decode().splitlines()
        return _metric(lines, "nv_inference_count", name), _metric(lines, "nv_inference_exec_count", name)


def _metric(lines: list[str], metric: str, name: str) -> int:
    found = [line for line in lines if line.startswith(f"{metric}{{") and f'model="{name}_model"' in line]
    return sum(int(float(line.split()[-1])) for line in found)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("large")
    for name, large in LARGE.items():
        checkpoint = make(
            folder / name,
            family=large.family,
            head=large.known.head,
            max_length=large.max_length,
            num_hidden_layers=large.layers,
        )
        build(
            BuildRequest(
                checkpoint=str(checkpoint),
                name=name,
                repository=folder / "repository",
                task=large.known.task,
                format=large.form,
            )
        )
    with (
        running_server(folder / "repository", instances=1) as server,
        Client(server.grpc_url, in_flight=2 * AT_ONCE, timeout=300) as client,
    ):
        yield Served(server=server, client=client, checkpoints=folder)


def assert_same(case: Case, answer: Any, original: Any) -> None:
    outcome = case.compare(answer, original, None)
    assert outcome.identical + outcome.tied == outcome.places, (answer, original)
    assert outcome.difference <= TOLERANCE


@pytest.mark.parametrize("name", LARGE)
def test_a_large_request_is_answered_as_the_original_answers_it(served: Served, name: str) -> None:
    large = LARGE[name]
    if reason := large.known.lacks():
        pytest.skip(reason)
    before, _ = served.computed(name)
    (answer,) = served.client.stream(name, [large.item], plain=True, **large.options)
    computed, _ = served.computed(name, at_least=before + large.rows)
    assert computed - before >= large.rows
    call = Call(items=[large.item], original=large.options)
    ((original,),) = large.known.original(served.checkpoints / name, [call])
    assert_same(large.known, answer, original)


@pytest.mark.parametrize("name", LARGE)
def test_rows_of_several_large_requests_share_batches(served: Served, name: str) -> None:
    """Fewer batches than requests, so that the average batch is larger than the average request."""
    large = LARGE[name]
    items = [large.item, large.company or large.item] * AT_ONCE
    alone = [next(served.client.stream(name, [item], plain=True, **large.options)) for item in items[:2]]
    for _ in range(ROUNDS):
        rows, batches = served.computed(name)
        answers = list(served.client.stream(name, items, batch_size=1, plain=True, **large.options))
        more_rows, more_batches = served.computed(name, at_least=rows + AT_ONCE * large.rows)
        for answer, expected in zip(answers, cycle(alone), strict=False):
            assert_same(large.known, answer, expected)
        assert more_rows - rows >= AT_ONCE * large.rows
        if more_batches - batches < len(items):
            return
    pytest.fail(f"{more_rows - rows} rows of {len(items)} requests took {more_batches - batches} batches")
