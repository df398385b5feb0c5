"""Token classification answers what transformers' pipeline answers."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from tests.support.families import FAMILIES, MAX_LENGTH, gate_texts, make
from tests.support.steps import encoder_of, logits_of, request
from tritext_build.runtime.requests import BadRequest
from tritext_build.runtime.token_classification.answers import Answers
from tritext_build.runtime.token_classification.entities import AGGREGATION_STRATEGIES, merged
from tritext_build.runtime.token_classification.rows import Rows

pytestmark = pytest.mark.filterwarnings("ignore:Tokenizer does not support real words:UserWarning")

NAUGHTY = Path(__file__).parents[3] / "shared" / "data" / "blns" / "blns.json"
KINDS = ("bert", "roberta", "xlm-roberta")
ODD_LABELS = ("O", "B-PER", "I-PER", "PER", "B-", "I-B-PER", "X-PER", "I", "", "O-O")
ROOM = MAX_LENGTH - 2


def long_texts() -> list[str]:
    """Texts of several windows, of many scripts, the last one of many windows."""
    texts = gate_texts()
    return [" ".join(texts[n : n + 6]) for n in range(0, 120, 6)] + ["\n".join(texts)]


class Served:
    """The two Python steps with the checkpoint's own model between them, and the pipeline."""

    def __init__(self, checkpoint: Path) -> None:
        self.model = AutoModelForTokenClassification.from_pretrained(checkpoint).eval()
        self.pipeline: Any = pipeline("token-classification", str(checkpoint))
        tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        self.tokenizer = tokenizer
        self.rows = Rows(encoder_of(checkpoint))
        self.answers = Answers(
            labels=[self.model.config.id2label[n] for n in range(self.model.config.num_labels)],
            unk_token_id=tokenizer.unk_token_id,
            tokenizer=checkpoint / "tokenizer.json",
        )

    def encode(self, texts: list[str], **parameters: Any) -> dict[str, Any]:
        asked = request({"TEXT": np.array([[text.encode()] for text in texts], np.object_)}, **parameters)
        (tensors,) = self.rows.encode([self.rows.read(asked)])
        if isinstance(tensors, BadRequest):
            raise tensors
        assert len({len(tensors[name]) for name in ("input_ids", "tokens", "lines")}) == 1
        return {**tensors, "logits": logits_of(self.model, tensors)}

    def read(self, texts: list[str], tensors: dict[str, Any], **parameters: Any) -> list[Any]:
        ask = self.answers.read(request({"TEXT": texts, **tensors}, **parameters))
        result = self.answers.answer(ask)["RESULT"]
        assert result.shape == (len(texts), 1)
        return [json.loads(document) for document in result[:, 0]]

    def ask(self, texts: list[str], **parameters: Any) -> list[Any]:
        return self.read(texts, self.encode(texts, **parameters), **parameters)

    def outputs(self, text: str, **parameters: Any) -> list[Any]:
        """What the pipeline's model says of a text, window by window, before its entities are gathered."""
        before, _, _ = self.pipeline._sanitize_parameters(**parameters)
        return [self.pipeline.forward(row) for row in self.pipeline.preprocess(text, **before)]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small lose more by sharing the work than they gain, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=KINDS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("tagger") / request.param
    return Served(make(folder, family=request.param, head="token-classification"))


def assert_equal(mine: list[Any], original: list[Any]) -> None:
    """Keys and their order, entities and theirs; scores but for the last digits."""
    assert [list(entity) for entity in mine] == [list(entity) for entity in original]
    np.testing.assert_allclose(
        [entity["score"] for entity in mine], [entity["score"] for entity in original], atol=1e-5
    )
    assert [{**entity, "score": None} for entity in mine] == [
        {**entity, "score": None} for entity in original
    ]


def assert_all_equal(served: Served, texts: list[str], *, batch: int = 16, **parameters: Any) -> None:
    """By every strategy, in batches of mixed lengths."""
    for first in range(0, len(texts), batch):
        some = texts[first : first + batch]
        tensors = served.encode(some, **parameters)
        outputs = [served.outputs(text, **parameters) for text in some]
        for strategy in AGGREGATION_STRATEGIES:
            mine = served.read(some, tensors, aggregation_strategy=strategy, **parameters)
            _, _, after = served.pipeline._sanitize_parameters(aggregation_strategy=strategy)
            for entities, output in zip(mine, outputs, strict=True):
                assert_equal(entities, served.pipeline.postprocess(output, **after))


def test_entities_equal_the_pipelines_for_all_gate_texts(served: Served) -> None:
    assert_all_equal(served, gate_texts())


@pytest.mark.skipif(not NAUGHTY.exists(), reason="the big list of naughty strings is not beside this project")
def test_entities_equal_the_pipelines_for_hostile_strings(served: Served) -> None:
    texts = json.loads(NAUGHTY.read_text(encoding="utf-8"))
    assert_all_equal(served, [text for text in texts if text.isprintable() or text.strip()], batch=64)


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(KINDS)))
def test_entities_equal_the_pipelines_for_every_family(tmp_path: Path, family: str) -> None:
    served = Served(make(tmp_path / family, family=family, head="token-classification"))
    assert_all_equal(served, gate_texts())
    assert_all_equal(served, long_texts()[:4], stride=16, batch=4)


@pytest.mark.parametrize("stride", [0, 1, 16, ROOM - 1])
def test_windows_are_merged_as_the_pipeline_merges_them(served: Served, stride: int) -> None:
    """Also without aggregation, where the pipeline takes a stride only if that is left unsaid."""
    texts = long_texts()[:3]
    if stride == 16:
        texts.append(long_texts()[-1])
    if stride == ROOM - 1:
        texts = [text[:150] for text in texts]
    assert_all_equal(served, texts, batch=3, stride=stride)


@pytest.mark.parametrize("strategy", AGGREGATION_STRATEGIES[1:])
def test_one_call_answers_as_one_call_of_the_pipeline(served: Served, strategy: str) -> None:
    text = long_texts()[0]
    asks: list[dict[str, Any]] = [{}, {"stride": 8}, {"ignore_labels": ["PER", "LOC"]}]
    for asked in asks:
        mine = served.ask([text], aggregation_strategy=strategy, **_as_sent(asked))
        assert_equal(mine[0], served.pipeline(text, aggregation_strategy=strategy, **asked))


@pytest.mark.parametrize("ignored", [["O"], [], ["B-PER"], ["PER"], ["O", "LOC", "nothing"]])
def test_ignored_labels_are_left_out(served: Served, ignored: list[str]) -> None:
    """A label of tokens where tokens stand alone, a group's otherwise."""
    for text in gate_texts()[:5]:
        for strategy in ("none", "simple", "average"):
            asked = {"aggregation_strategy": strategy, "ignore_labels": ignored}
            assert_equal(served.ask([text], **_as_sent(asked))[0], served.pipeline(text, **asked))


@pytest.mark.parametrize("seed", range(3))
def test_labels_of_any_form_make_the_pipelines_groups(tmp_path: Path, seed: int) -> None:
    served = Served(make(tmp_path / "odd", head="token-classification", labels=ODD_LABELS, seed=seed))
    assert_all_equal(served, gate_texts()[:60], batch=60)


def test_windows_are_the_default_overlap_of_a_quarter(served: Served) -> None:
    texts = long_texts()[:3]
    for strategy in AGGREGATION_STRATEGIES:
        windows = served.ask(texts, truncation="window", aggregation_strategy=strategy)
        assert windows == served.ask(texts, stride=MAX_LENGTH // 4, aggregation_strategy=strategy)


def test_texts_of_one_window_are_answered_as_without_windows(served: Served) -> None:
    texts = [text for text in gate_texts() if len(served.tokenizer(text)["input_ids"]) <= MAX_LENGTH]
    assert served.ask(texts, truncation="window") == served.ask(texts)


def test_windows_see_the_whole_text(served: Served) -> None:
    text = " ".join(gate_texts()[:30])
    (entities,) = served.ask([text], truncation="window", **_as_sent({"ignore_labels": []}))
    assert entities[-1]["end"] == len(text)
    assert served.ask([text])[0] != entities


def test_offsets_are_characters_of_the_text_as_it_was_sent(served: Served) -> None:
    text = "👩‍🚀👩‍🚀 東京 plain words 😀 מילים after letters"
    (tokens,) = served.ask([text], ignore_labels="[]")
    pieces = {(token["word"].strip("#Ġ▁"), text[token["start"] : token["end"]].strip()) for token in tokens}
    latin = {(piece, original) for piece, original in pieces if piece.isascii() and piece.isalpha()}
    assert len(latin) > 3
    assert all(piece == original for piece, original in latin)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u200b", "\ufeff"])
def test_texts_without_words_have_a_row_and_the_pipelines_entities(served: Served, text: str) -> None:
    tensors = served.encode([text])
    assert len(tensors["input_ids"]) == 1
    for strategy in AGGREGATION_STRATEGIES:
        mine = served.read([text], tensors, aggregation_strategy=strategy)
        assert_equal(mine[0], served.pipeline(text, aggregation_strategy=strategy))


def test_requests_encoded_together_are_encoded_as_alone(served: Served) -> None:
    """Also where some want windows of one kind, some of another, and some none."""
    texts = long_texts()
    asked: list[dict[str, Any]] = [
        {},
        {"stride": 4},
        {"truncation": "error"},
        {"stride": 16},
        {"truncation": "window"},
        {},
    ]
    asks = [
        served.rows.read(request({"TEXT": texts[n : n + 1 + n % 3]}, **parameters))
        for n, parameters in enumerate(asked)
    ]
    assert_same_tensors([served.rows.encode([ask])[0] for ask in asks], served.rows.encode(asks))


def assert_same_tensors(alone: Sequence[Any], together: Sequence[Any]) -> None:
    for one, other in zip(alone, together, strict=True):
        assert str(one) == str(other) if isinstance(one, BadRequest) else one.keys() == other.keys()
        for name in () if isinstance(one, BadRequest) else one:
            np.testing.assert_array_equal(one[name], other[name])


def test_entities_do_not_depend_on_the_other_texts(served: Served) -> None:
    texts = [*gate_texts()[:20], "", long_texts()[0]]
    for strategy in AGGREGATION_STRATEGIES:
        together = served.ask(texts, stride=8, aggregation_strategy=strategy)
        for text, entities in zip(texts, together, strict=True):
            assert_equal(served.ask([text], stride=8, aggregation_strategy=strategy)[0], entities)


def test_logits_may_be_wider_than_the_requests_longest_row(served: Served) -> None:
    """The model ran the rows in the company of longer ones."""
    texts = gate_texts()[:3]
    tensors = served.encode(texts)
    wider = np.pad(tensors["logits"], ((0, 0), (0, 9), (0, 0)), constant_values=7)
    assert served.read(texts, tensors) == served.read(texts, {**tensors, "logits": wider})


def test_token_counts_are_the_lengths_before_truncation_and_windows(served: Served) -> None:
    texts = [*gate_texts(), *long_texts()]
    expected = [[len(served.tokenizer(text)["input_ids"])] for text in texts]
    for truncation in ("truncate", "window"):
        ask = served.rows.read(request({"TEXT": texts}, truncation=truncation))
        (tensors,) = served.rows.encode([ask])
        assert not isinstance(tensors, BadRequest)
        assert tensors["TOKEN_COUNT"].tolist() == expected


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"truncation": "cut"}, "truncation takes 'truncate' or 'error' or 'window', not 'cut'"),
        ({"stride": ROOM}, f"stride takes less than the {ROOM} tokens of a window, not {ROOM}"),
        ({"stride": 10**30}, f"stride takes less than the {ROOM} tokens"),
        ({"stride": -1}, "stride takes a whole number from 0 up, not -1"),
        ({"stride": "wide"}, "stride takes a whole number from 0 up, not 'wide'"),
        ({"stride": True}, "stride takes a whole number from 0 up, not True"),
        ({"stride": 3, "truncation": "truncate"}, "leave out truncation='truncate' or the stride"),
        ({"stride": 3, "truncation": "error"}, "leave out truncation='error' or the stride"),
    ],
)
def test_parameters_of_windows_that_make_no_sense_are_refused(
    served: Served, parameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadRequest, match=sentence):
        served.encode(["a text"], **parameters)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"aggregation_strategy": "last"}, "aggregation_strategy takes 'none' or 'simple' or"),
        ({"ignore_labels": "O"}, "ignore_labels takes a JSON list of strings, not 'O'"),
        ({"ignore_labels": "[1]"}, "ignore_labels takes a JSON list of strings"),
    ],
)
def test_parameters_of_answers_that_make_no_sense_are_refused(
    served: Served, parameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadRequest, match=sentence):
        served.ask(["a text"], **parameters)


def test_too_long_is_an_error_where_that_is_asked(served: Served) -> None:
    with pytest.raises(BadRequest, match=r"^TEXT row 1 has \d+ tokens, more than .* truncation='window'$"):
        served.ask(["short", "word " * 80], truncation="error")
    assert len(served.ask(["short"], truncation="error")) == 1


def test_steps_too_small_for_a_text_are_refused_before_they_fill_the_memory(served: Served) -> None:
    with pytest.raises(BadRequest, match="may make more than 4096 of them; send less in one request"):
        served.encode(["word " * 2000], stride=ROOM - 1)


def test_no_text_is_refused(served: Served) -> None:
    with pytest.raises(BadRequest, match="TEXT is empty"):
        served.ask([])


def test_of_overlapping_entities_the_longest_stays_and_then_the_surest() -> None:
    def entity(start: int, end: int, score: float) -> dict[str, Any]:
        return {"start": start, "end": end, "score": score}

    a, b, c, d = entity(0, 4, 0.2), entity(2, 5, 0.9), entity(4, 8, 0.5), entity(4, 8, 0.6)
    assert merged([[a], [b]]) == [a]
    assert merged([[a, c], [d]]) == [a, d]
    assert merged([[b, c], [d]]) == [d]
    assert merged([[a, b]]) == [a, b]
    assert merged([[], []]) == []


def _as_sent(parameters: dict[str, Any]) -> dict[str, Any]:
    """Lists travel as JSON."""
    return {
        name: json.dumps(value) if isinstance(value, list) else value for name, value in parameters.items()
    }
