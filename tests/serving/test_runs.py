"""A batch of long rows is computed in runs of few tokens, and nobody can tell from the answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tritext_serving.backends.config import ModelSettings
from tritext_serving.backends.runner import Array, Runner
from tritext_serving.backends.runs import divided, in_runs

WIDTH = 2000


class Network(Runner):
    """Answers each row's sum, and its numbers doubled, cut to the longest row of the run; remembers the rows' lengths."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Sequence[Array]:
        lengths = next(array for name, array in inputs.items() if "mask" in name).sum(axis=1)
        self.runs.append(lengths.tolist())
        numbers = inputs["input_ids"][:, : lengths.max()]
        answers = {"sums": numbers.sum(axis=1), "doubled": 2 * numbers.astype(np.float32)}
        return [answers[name] for name in outputs]


def settings(
    parameters: dict[str, str] | None = None, *, max_batch_size: int = 64, **mask: Any
) -> ModelSettings:
    given = {"name": "attention_mask", "data_type": "TYPE_INT64", "dims": [WIDTH]} | mask
    wrapped = {key: {"string_value": value} for key, value in (parameters or {}).items()}
    return ModelSettings.from_config(
        {"name": "model", "max_batch_size": max_batch_size, "input": [given], "parameters": wrapped}
    )


def batch(lengths: Sequence[int]) -> dict[str, npt.NDArray[np.int64]]:
    mask = (np.arange(WIDTH) < np.array(lengths)[:, None]).astype(np.int64)
    return {"input_ids": np.random.default_rng(0).integers(1, 100, mask.shape) * mask, "attention_mask": mask}


@pytest.mark.parametrize(
    "lengths",
    [[3], [0, 0], [2000], [512] * 5, [2, 2000] * 9, [700, 5, 5, 90, 333, 1, 260], list(range(64, 0, -1))],
)
@pytest.mark.parametrize("outputs", [["sums"], ["doubled", "sums"]])
def test_rows_in_several_runs_are_answered_as_in_one(lengths: list[int], outputs: list[str]) -> None:
    rows = batch(lengths)
    answers = in_runs(Network(), settings(), None, 512).run(rows, outputs)
    for answer, expected in zip(answers, Network().run(rows, outputs), strict=True):
        assert answer.dtype == expected.dtype
        np.testing.assert_array_equal(answer, expected)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([16] * 32, [[16] * 32]),
        ([512] * 3, [[512], [512], [512]]),
        ([160] * 16, [*[[160] * 3] * 5, [160]]),
        ([2000], [[2000]]),
        ([5, 1000, 7, 600], [[5, 7], [600], [1000]]),
    ],
)
def test_a_run_has_at_most_512_tokens_of_rows_of_like_length(
    lengths: list[int], expected: list[list[int]]
) -> None:
    network = Network()
    in_runs(network, settings(), None, 512).run(batch(lengths), ["sums"])
    assert network.runs == expected


def test_every_row_is_in_one_run_and_padding_counts() -> None:
    lengths = np.random.default_rng(1).integers(1, 500, 200)
    runs = divided(lengths, 1000)
    assert sorted(np.concatenate(runs)) == list(range(200))
    assert all(len(rows) * lengths[rows].max() <= 1000 for rows in runs)
    assert len(runs) < 1.3 * lengths.sum() / 1000


@pytest.mark.parametrize(
    ("served", "device"),
    [
        (settings({"tokens_per_run": "0"}), None),
        (settings(), 0),
        (settings(max_batch_size=0), None),
        (settings(name="mask"), None),
        (settings(optional=True), None),
        (settings(data_type="TYPE_FP32"), None),
        (settings(dims=[1, WIDTH, WIDTH]), None),
    ],
)
def test_a_batch_is_one_run_where_the_config_says_so_on_gpus_and_where_nothing_counts_tokens(
    served: ModelSettings, device: int | None
) -> None:
    network = Network()
    assert in_runs(network, served, device, 512) is network


def test_the_config_says_how_many_tokens() -> None:
    network = Network()
    in_runs(network, settings({"tokens_per_run": "40"}), None, 512).run(batch([20] * 4), ["sums"])
    assert network.runs == [[20, 20], [20, 20]]


def test_torchscripts_mask_has_its_position_behind_its_name() -> None:
    network = Network()
    rows = batch([20] * 4)
    rows["attention_mask__1"] = rows.pop("attention_mask")
    in_runs(network, settings(name="attention_mask__1"), None, 40).run(rows, ["sums"])
    assert network.runs == [[20, 20], [20, 20]]


@pytest.mark.parametrize("value", ["-1", "many", "1.5", ""])
def test_what_is_no_number_of_tokens_is_refused_by_name(value: str) -> None:
    with pytest.raises(ValueError, match="tokens_per_run"):
        in_runs(Network(), settings({"tokens_per_run": value}), None, 512)
