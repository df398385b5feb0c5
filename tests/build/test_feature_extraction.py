"""Embeddings equal those of sentence-transformers: pooled in the graph, behind the same prompts, and made small alike."""

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save
from transformers import AutoModel

from tests.support.families import gate_texts, make
from tests.support.sentence_files import SentenceFiles
from tests.support.steps import encoder_of, model_inputs, request
from tritext_build.checkpoint import Checkpoint, open_checkpoint
from tritext_build.errors import BadCheckpoint
from tritext_build.heads import POOLING, Normalize, Pooling, Sentence
from tritext_build.quiet import quiet
from tritext_build.runtime.feature_extraction.answers import Answers, as_bits, as_int8, unit_length
from tritext_build.runtime.feature_extraction.rows import Rows, chosen_prompt
from tritext_build.runtime.requests import BadRequest, Tensors
from tritext_build.sentence_modules import read_sentence_modules
from tritext_build.tasks import TASKS
from tritext_build.tasks.feature_extraction import FeatureExtraction
from tritext_build.tasks.task import TaskOptions

sentence_transformers = pytest.importorskip(
    "sentence_transformers", reason="sentence-transformers is not installed, and it is the oracle here"
)

HIDDEN = 12
MODES = [*((mode,) for mode in POOLING), ("cls", "max"), ("mean", "lasttoken", "weightedmean")]


def vectors_and_mask(*lengths: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random token vectors, and rows of these lengths padded on the right."""
    width = max(lengths)
    mask = (torch.arange(width) < torch.tensor(lengths)[:, None]).long()
    return torch.randn(len(lengths), width, HIDDEN, generator=torch.Generator().manual_seed(0)), mask


# ---- in the graph


@pytest.mark.parametrize("modes", MODES, ids=str)
def test_pooling_is_that_of_sentence_transformers(modes: tuple[str, ...]) -> None:
    tokens, mask = vectors_and_mask(1, 7, 3, 7, 2)
    original = sentence_transformers.sentence_transformer.modules.Pooling(HIDDEN, modes)
    expected = original({"token_embeddings": tokens, "attention_mask": mask})["sentence_embedding"]
    torch.testing.assert_close(Pooling(modes)(tokens, mask), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("mode", [mode for mode in POOLING if mode != "max"])
def test_a_row_without_tokens_has_a_finite_embedding(mode: str) -> None:
    tokens, mask = vectors_and_mask(0, 3)
    assert Pooling([mode])(tokens, mask).isfinite().all()


@pytest.mark.parametrize("mode", POOLING)
def test_pooling_keeps_what_stands_behind_the_padding_out(mode: str) -> None:
    tokens, mask = vectors_and_mask(2, 5)
    alone = Pooling([mode])(tokens[:1, :2], mask[:1, :2])
    torch.testing.assert_close(Pooling([mode])(tokens, mask)[:1], alone)


class Everything(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pooling, self.normalize = Pooling(list(POOLING)), Normalize()

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = self.normalize(self.pooling(tokens, mask))
        return pooled


def test_a_trace_of_all_pooling_modes_takes_any_batch_and_length() -> None:
    with quiet():
        traced = torch.jit.trace(Everything(), vectors_and_mask(2, 5))  # type: ignore[no-untyped-call]
    for lengths in ((1,), (9, 4, 17), (3, 3)):
        torch.testing.assert_close(
            traced(*vectors_and_mask(*lengths)), Everything()(*vectors_and_mask(*lengths))
        )


def test_an_export_of_all_pooling_modes_takes_any_batch_and_length(tmp_path: Path) -> None:
    import onnxruntime

    batch, length = torch.export.Dim("batch", max=64), torch.export.Dim("length", max=512)
    free = {0: batch, 1: length}
    with quiet():
        program = torch.onnx.export(
            Everything().eval(),
            vectors_and_mask(2, 5),
            dynamo=True,
            dynamic_shapes=(free, free),
            input_names=["tokens", "mask"],
        )
    assert program is not None
    program.save(tmp_path / "pooling.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "pooling.onnx", providers=["CPUExecutionProvider"])
    for lengths in ((1,), (9, 4, 17), (3, 3)):
        tokens, mask = vectors_and_mask(*lengths)
        (exported,) = session.run(None, {"tokens": tokens.numpy(), "mask": mask.numpy()})
        np.testing.assert_allclose(exported, Everything()(tokens, mask).numpy(), atol=1e-6)


# ---- a whole checkpoint

WHOLE = {
    "plain": ("bert", SentenceFiles(normalize=False)),
    "normalised": ("roberta", SentenceFiles(pooling=("cls",))),
    "two modes and two layers": (
        "mpnet",
        SentenceFiles(pooling=("mean", "max"), dense=(24, 8), normalize=True, flags=False),
    ),
    "prompts": (
        "modernbert",
        SentenceFiles(prompts={"query": "query: ", "passage": ""}, default_prompt_name="query"),
    ),
    "short": ("xlm-roberta", SentenceFiles(pooling=("lasttoken", "weightedmean"), max_seq_length=20)),
    "deberta": ("deberta-v3", SentenceFiles(pooling=("mean_sqrt_len_tokens",))),
}


class Served:
    """The first step's code, the checkpoint's encoder, and the modules behind it; and sentence-transformers."""

    def __init__(self, checkpoint: Path) -> None:
        self.modules = read_sentence_modules(checkpoint, source=str(checkpoint))
        self.encoder = AutoModel.from_pretrained(checkpoint).eval()
        self.sentence = Sentence(self.modules).eval()
        self.rows = Rows(
            encoder_of(checkpoint, max_length=self.modules.max_seq_length),
            prompts=self.modules.prompts,
            default_prompt=self.modules.default_prompt,
        )
        self.original = sentence_transformers.SentenceTransformer(str(checkpoint), device="cpu")

    def ask(self, texts: list[str], **parameters: Any) -> npt.NDArray[np.float32]:
        asks = [self.rows.read(request({"TEXT": [text]}, **parameters)) for text in texts]
        return np.concatenate([self.embed(tensors) for tensors in self.rows.encode(asks)])

    def embed(self, tensors: Tensors | BadRequest) -> npt.NDArray[np.float32]:
        if isinstance(tensors, BadRequest):
            raise tensors
        inputs = model_inputs(tensors)
        with torch.inference_mode():
            embeddings = self.sentence(self.encoder(**inputs).last_hidden_state, inputs["attention_mask"])
        array: npt.NDArray[np.float32] = embeddings.numpy()
        return array


@pytest.fixture(scope="module", params=WHOLE, ids=str)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    family, sentences = WHOLE[request.param]
    return Served(
        make(tmp_path_factory.mktemp("encoder") / family, family=family, head="encoder", sentences=sentences)
    )


def assert_equal(mine: npt.NDArray[np.float32], original: npt.NDArray[np.float32]) -> None:
    np.testing.assert_allclose(mine, original, atol=1e-5)
    assert ((unit_length(mine) * unit_length(original)).sum(axis=-1) >= 0.99999).all()


def test_embeddings_equal_those_of_sentence_transformers_for_all_gate_texts(served: Served) -> None:
    texts = gate_texts()
    assert_equal(served.ask(texts), served.original.encode(texts))


@pytest.mark.parametrize("name", ["query", "passage"])
def test_embeddings_behind_a_prompt_equal_those_of_sentence_transformers(served: Served, name: str) -> None:
    texts = gate_texts()[:20]
    assert_equal(served.ask(texts, prompt="about: "), served.original.encode(texts, prompt="about: "))
    if name in served.modules.prompts:
        assert_equal(served.ask(texts, prompt_name=name), served.original.encode(texts, prompt_name=name))


def test_requests_encoded_together_are_encoded_as_alone(served: Served) -> None:
    texts = gate_texts()
    asks = [served.rows.read(request({"TEXT": texts[n : 2 * n]})) for n in range(1, 6)]
    for ask, together in zip(asks, served.rows.encode(asks), strict=True):
        (alone,) = served.rows.encode([ask])
        assert not isinstance(alone, BadRequest)
        assert not isinstance(together, BadRequest)
        for name, array in alone.items():
            np.testing.assert_array_equal(together[name], array)


def test_too_long_is_an_error_where_that_is_asked(served: Served) -> None:
    asks = [
        served.rows.read(request({"TEXT": [text]}, truncation="error")) for text in ("short", "word " * 80)
    ]
    fine, refused = served.rows.encode(asks)
    assert not isinstance(fine, BadRequest)
    assert isinstance(refused, BadRequest)
    assert re.match(r"TEXT row 0 has \d+ tokens, more than this model's \d+; ", str(refused))


# ---- as the build sees it


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> FeatureExtraction:
    extraction = FeatureExtraction()
    monkeypatch.setitem(TASKS, extraction.name, extraction)
    return extraction


def opened(folder: Path, task: FeatureExtraction, sentences: SentenceFiles) -> Checkpoint:
    make(folder, head="encoder", sentences=sentences)
    return open_checkpoint(str(folder), task=task.name)[0]


@pytest.mark.parametrize(
    ("sentences", "dimensions"),
    [
        (SentenceFiles(), 32),
        (SentenceFiles(pooling=("mean", "max")), 64),
        (SentenceFiles(dense=(24, 10)), 10),
    ],
)
def test_the_embedding_has_the_size_that_the_modules_give_it(
    tmp_path: Path, task: FeatureExtraction, sentences: SentenceFiles, dimensions: int
) -> None:
    checkpoint = opened(tmp_path / "encoder", task, sentences)
    blueprint = task.blueprint(checkpoint, TaskOptions())
    assert {tensor.dims for tensor in blueprint.graph_outputs} == {(dimensions,)}
    assert {tensor.dims for tensor in blueprint.direct.values()} == {(dimensions,)}


def test_ranges_are_the_least_and_greatest_values_of_the_samples(
    tmp_path: Path, task: FeatureExtraction
) -> None:
    blueprint = task.blueprint(opened(tmp_path / "encoder", task, SentenceFiles()), TaskOptions())
    rows = [{"sentence_embedding": embedding} for embedding in embeddings(50, seed=1)]
    answering = task.calibrated(blueprint, rows).answering
    assert answering == {"normalize": True, "ranges": ranges().tolist()}
    assert Answers(**answering)


def test_pooling_without_the_prompt_is_refused(tmp_path: Path, task: FeatureExtraction) -> None:
    checkpoint = opened(tmp_path / "encoder", task, SentenceFiles())
    pooling = tmp_path / "encoder" / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({"pooling_mode": "mean", "include_prompt": False}), encoding="utf-8")
    with pytest.raises(BadCheckpoint, match="leaves the tokens of prompts out of its pooling"):
        task.blueprint(checkpoint, TaskOptions())


def test_a_damaged_layer_is_refused(tmp_path: Path, task: FeatureExtraction) -> None:
    checkpoint = opened(tmp_path / "encoder", task, SentenceFiles(dense=(24,)))
    layer = tmp_path / "encoder" / "2_Dense"
    weights = layer / "model.safetensors"
    for damaged in (b"no tensors", save({"linear.weight": torch.zeros(3, 3)})):
        weights.write_bytes(damaged)
        with pytest.raises(BadCheckpoint, match="a dense layer behind its pooling cannot be read"):
            task.head(checkpoint)


def test_an_activation_that_torch_does_not_have_is_refused(tmp_path: Path, task: FeatureExtraction) -> None:
    checkpoint = opened(tmp_path / "encoder", task, SentenceFiles(dense=(24,)))
    settings = tmp_path / "encoder" / "2_Dense" / "config.json"
    named = settings.read_text(encoding="utf-8").replace("Tanh", "Tangent")
    settings.write_text(named, encoding="utf-8")
    with pytest.raises(BadCheckpoint, match="a dense layer behind its pooling cannot be read"):
        task.head(checkpoint)


# ---- prompts

PROMPTS = {"query": "Represent this: ", "passage": ""}


@pytest.mark.parametrize(
    ("parameters", "prompt"),
    [
        ({}, "default: "),
        ({"prompt_name": "query"}, "Represent this: "),
        ({"prompt_name": "passage"}, ""),
        ({"prompt": "any text"}, "any text"),
        ({"prompt": ""}, ""),
        ({"prompt": "wins", "prompt_name": "query"}, "wins"),
    ],
)
def test_a_prompt_is_chosen_as_sentence_transformers_does(parameters: dict[str, str], prompt: str) -> None:
    assert chosen_prompt(parameters, PROMPTS, "default: ") == prompt


@pytest.mark.parametrize(
    ("parameters", "prompts", "refusal"),
    [
        ({"prompt_name": "Query"}, PROMPTS, "prompt_name takes one of 'query', 'passage', not 'Query'"),
        (
            {"prompt_name": "query"},
            {},
            "prompt_name takes none, since this model has no prompts, not 'query'",
        ),
        ({"prompt_name": 3}, PROMPTS, "prompt_name takes one of 'query', 'passage', not 3"),
        ({"prompt": True}, PROMPTS, "prompt takes a text, not True"),
    ],
)
def test_unknown_prompts_are_refused(
    parameters: dict[str, Any], prompts: dict[str, str], refusal: str
) -> None:
    with pytest.raises(BadRequest, match=refusal):
        chosen_prompt(parameters, prompts, "")


# ---- smaller embeddings


def embeddings(rows: int, *, seed: int = 0) -> npt.NDArray[np.float32]:
    return unit_length(np.random.default_rng(seed).normal(size=(rows, HIDDEN)).astype(np.float32))


def ranges() -> npt.NDArray[np.float32]:
    sample = embeddings(50, seed=1)
    return np.stack([sample.min(axis=0), sample.max(axis=0)])


def small(wanted: Sequence[str], *, normalize: bool = True, **parameters: Any) -> dict[str, npt.NDArray[Any]]:
    answers = Answers(normalize=normalize, ranges=ranges().tolist())
    return answers.answer(
        answers.read(request({"sentence_embedding": embeddings(9)}, wanted=tuple(wanted), **parameters))
    )


@pytest.mark.parametrize("dimensions", [1, 7, 8, HIDDEN])
def test_short_embeddings_are_those_of_truncate_dim(dimensions: int) -> None:
    cut = sentence_transformers.util.truncate_embeddings(torch.from_numpy(embeddings(9)), dimensions)
    plain = small(["EMBEDDING_SHORT"], normalize=False, dimensions=dimensions)["EMBEDDING_SHORT"]
    np.testing.assert_array_equal(plain, cut.numpy())
    scaled = small(["EMBEDDING_SHORT"], dimensions=dimensions)["EMBEDDING_SHORT"]
    np.testing.assert_allclose(scaled, torch.nn.functional.normalize(cut, dim=-1).numpy(), atol=1e-6)


@pytest.mark.parametrize("dimensions", [1, 7, 8, HIDDEN])
def test_bytes_and_bits_are_those_of_quantize_embeddings(dimensions: int) -> None:
    from sentence_transformers.util.quantization import quantize_embeddings

    cut = embeddings(9)[:, :dimensions]
    mine = small(["EMBEDDING_INT8", "EMBEDDING_BINARY"], dimensions=dimensions)
    original = quantize_embeddings(cut, "int8", ranges=ranges()[:, :dimensions])
    np.testing.assert_array_equal(mine["EMBEDDING_INT8"], original)
    np.testing.assert_array_equal(mine["EMBEDDING_BINARY"], quantize_embeddings(cut, "ubinary"))
    assert mine["EMBEDDING_INT8"].dtype == np.int8
    assert mine["EMBEDDING_BINARY"].dtype == np.uint8


def test_values_outside_the_ranges_are_clipped() -> None:
    limits = np.array([[0, 5], [255, 5]], np.float32)
    values = np.array([[-9, 0], [999, 10], [0, 5], [255, 5.5]], np.float32)
    assert as_int8(values, limits).tolist() == [[-128, -128], [127, -123], [-128, -128], [127, -128]]


def test_only_what_is_wanted_is_answered() -> None:
    names = ("EMBEDDING_SHORT", "EMBEDDING_INT8", "EMBEDDING_BINARY")
    for wanted in itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(4)):
        assert set(small(wanted)) == set(wanted)


def test_bits_are_set_above_zero_the_first_one_highest() -> None:
    assert as_bits(np.array([[1, 0, -1, 2, 0, 0, 0, 0, 3]], np.float32)).tolist() == [
        [0b10010000, 0b10000000]
    ]


def test_an_embedding_of_zeros_stays_one() -> None:
    assert unit_length(np.zeros((1, 3), np.float32)).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("dimensions", [0, -1, HIDDEN + 1, "many", True])
def test_dimensions_are_those_that_the_model_has(dimensions: object) -> None:
    with pytest.raises(BadRequest, match=r"^the parameter dimensions takes"):
        small(["EMBEDDING_SHORT"], dimensions=dimensions)
