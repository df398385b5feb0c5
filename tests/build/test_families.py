"""Every family is read as it is, and its graphs hold for batches and lengths that the export never saw."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tokenizers import Tokenizer

from tests.support.families import FAMILIES, MAX_LENGTH, gate_texts, make
from tritext_build.checkpoint import Checkpoint, open_checkpoint
from tritext_build.errors import CannotServe
from tritext_build.formats import FORMATS
from tritext_build.gates import LOGIT_TOLERANCE, Candidate
from tritext_build.graph import served_graph
from tritext_build.reference import Reference
from tritext_build.runtime.encoding import Encoder, Line
from tritext_build.tasks import TASKS
from tritext_build.tasks.task import DEFAULT_OPTIONS

WITH_TYPES = ("input_ids", "attention_mask", "token_type_ids")
WITHOUT_TYPES = ("input_ids", "attention_mask")
INPUTS = {
    "bert": WITH_TYPES,
    "roberta": WITHOUT_TYPES,
    "xlm-roberta": WITHOUT_TYPES,
    "camembert": WITHOUT_TYPES,
    "distilbert": WITHOUT_TYPES,
    "electra": WITH_TYPES,
    "albert": WITH_TYPES,
    "mpnet": WITHOUT_TYPES,
    "deberta": WITH_TYPES,
    "deberta-v2": WITH_TYPES,
    "deberta-v3": WITH_TYPES,
    "modernbert": WITHOUT_TYPES,
}
"""One of each architecture, with the inputs that its tokenizer fills."""

BOUNDLESS = ("deberta", "deberta-v2", "deberta-v3", "modernbert")
"""Relative or rotary positions: nothing breaks past the length that the config states."""

HEADS_OF = {
    "text-classification": "single-label",
    "token-classification": "token-classification",
    "question-answering": "question-answering",
    "zero-shot-classification": "nli",
    "feature-extraction": "encoder",
    "text-ranking": "cross-encoder",
    "fill-mask": "fill-mask",
}

LONG = " ".join(gate_texts()[:40])
BATCHES: dict[str, list[str]] = {
    "one short": ["Hi"],
    "nothing": [""],
    "mixed": ["Hi", LONG, gate_texts()[3], ""],
    "of one length": ["How are you?"] * 3,
    "full": [LONG, LONG[40:]],
    "one full": [LONG],
}


@cache
def opened(family: str, task: str) -> tuple[Checkpoint, torch.nn.Module]:
    folder = make(Path(mkdtemp()), family=family, head=HEADS_OF[task])
    return open_checkpoint(str(folder), task=task)


@pytest.mark.parametrize("family", INPUTS)
def test_inputs_are_those_that_the_tokenizer_fills(family: str) -> None:
    assert sorted(opened(family, "text-classification")[0].input_names) == sorted(INPUTS[family])


@pytest.mark.parametrize("family", INPUTS)
def test_a_model_takes_as_many_tokens_as_its_limit_says_and_not_one_more(family: str) -> None:
    checkpoint, model = opened(family, "text-classification")
    assert checkpoint.length_limit == checkpoint.default_length == MAX_LENGTH
    word = torch.full((1, MAX_LENGTH), 20)
    with torch.inference_mode():
        assert model(word, torch.ones_like(word)).logits.isfinite().all()
        if family not in BOUNDLESS:
            longer = torch.full((1, MAX_LENGTH + 1), 20)
            with pytest.raises((IndexError, RuntimeError)):
                model(longer, torch.ones_like(longer))


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_differ_between_texts(family: str) -> None:
    """Otherwise no comparison of answers could fail."""
    checkpoint, model = opened(family, "text-classification")
    encoded = checkpoint.tokenizer(
        gate_texts()[:40], truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        logits = model(**{name: encoded[name] for name in checkpoint.input_names}).logits
    assert logits.std(dim=0).min() > 0.1


@pytest.mark.parametrize(
    ("family", "task", "form"),
    [
        *((family, "text-classification", "torchscript") for family in INPUTS),
        *(pytest.param(family, "text-classification", "onnx", marks=pytest.mark.slow) for family in INPUTS),
        *(
            pytest.param(family, "text-classification", "openvino", marks=pytest.mark.slow)
            for family in ("roberta", "deberta-v3", "modernbert")
        ),
        *(
            pytest.param(family, task, "torchscript", marks=pytest.mark.slow)
            for task in TASKS
            for family in INPUTS
            if task != "text-classification"
        ),
    ],
)
def test_a_graph_holds_for_shapes_that_its_export_never_saw(
    tmp_path: Path, family: str, task: str, form: str
) -> None:
    """Exported from two short rows; asked one row or many, padded or not, from empty to full."""
    checkpoint, model = opened(family, task)
    blueprint = checkpoint.task.blueprint(checkpoint, DEFAULT_OPTIONS)
    graph = served_graph(checkpoint, model, blueprint)
    reference = Reference(checkpoint, graph, max_length=MAX_LENGTH)
    batches = {name: checkpoint.task.probes(checkpoint, texts) for name, texts in BATCHES.items()}
    originals = {name: reference.rows(lines) for name, lines in batches.items()}

    encoder = encoder_of(checkpoint)
    path = tmp_path / FORMATS[form].filename
    next(FORMATS[form].exports(graph, example(checkpoint, encoder), path, "fp32"))
    run = FORMATS[form].load(path, graph.output_names)
    candidate = Candidate(checkpoint, encoder, run, blueprint.graph_outputs)
    logits = checkpoint.task.logits
    for name, lines in batches.items():
        answers = candidate.rows(lines, batch=len(lines))
        for answer, original in zip(answers, originals[name], strict=True):
            np.testing.assert_allclose(
                logits(answer), logits(original), rtol=0, atol=LOGIT_TOLERANCE, err_msg=name
            )


@pytest.mark.slow
@pytest.mark.parametrize("family", ["mpnet", "modernbert"])
def test_half_precision_reckons_with_positions_in_full(tmp_path: Path, family: str) -> None:
    """Where buckets of relative positions and rotary angles were halved, too, logits would differ by tenths."""
    checkpoint, model = opened(family, "text-classification")
    graph = served_graph(checkpoint, model, checkpoint.task.blueprint(checkpoint, DEFAULT_OPTIONS))
    encoder, form = encoder_of(checkpoint), FORMATS["onnx"]
    rows = encoder.encode(BATCHES["mixed"]).inputs
    logits = {}
    for precision in ("fp32", "fp16"):
        path = tmp_path / precision
        next(form.exports(graph, example(checkpoint, encoder), path, precision))
        logits[precision] = form.load(path, graph.output_names)(rows)["logits"]
    np.testing.assert_allclose(logits["fp16"], logits["fp32"], rtol=0, atol=0.05)


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_runtime_says_is_one_sentence(tmp_path: Path, form: str) -> None:
    (tmp_path / "model").write_bytes(b"no graph at all")
    with pytest.raises(CannotServe, match=f"cannot be served as {form}: ") as raised:
        FORMATS[form].load(tmp_path / "model", ["logits"])
    assert "\n" not in str(raised.value)


def encoder_of(checkpoint: Checkpoint) -> Encoder:
    return Encoder(
        Tokenizer.from_str(checkpoint.tokenizer.backend_tokenizer.to_str()),
        max_length=MAX_LENGTH,
        input_names=checkpoint.input_names,
        pad_token_id=int(checkpoint.tokenizer.pad_token_id),
        truncation_side=checkpoint.tokenizer.truncation_side,
    )


def example(checkpoint: Checkpoint, encoder: Encoder) -> dict[str, npt.NDArray[np.int64]]:
    lines: list[Line] = checkpoint.task.probes(checkpoint, ["a b c", "one two three four five six"])
    inputs = encoder.encode(lines, truncate=checkpoint.task.truncate).inputs
    return inputs | checkpoint.task.extra_inputs(checkpoint, inputs["input_ids"])
