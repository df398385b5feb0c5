"""What perf_analyzer wrote, captured from real runs, is read as it was meant."""

from dataclasses import replace

import pytest

from tests.perf.conftest import CAPTURED, captured
from tritext_perf import output
from tritext_perf.measurement import Window
from tritext_perf.scenario import Scenario

USERS, RATE = Scenario(kind="users", load=8), Scenario(kind="rate", load=8)


def test_latencies_are_milliseconds_and_throughput_is_texts_per_second() -> None:
    run = captured("ensemble")
    assert run.throughput == 261.134
    assert (run.latency.mean, run.latency.p50, run.latency.p99) == (30.256, 21.157, 240.039)


def test_every_window_is_read() -> None:
    for name in ("ensemble", "overload", "single"):
        assert len(captured(name).windows) == 3, name


def test_an_ensembles_steps_account_for_its_latency() -> None:
    run = captured("ensemble")
    assert set(run.parts) == {"demo_tokenizer", "demo_model", "demo_postprocess"}
    assert sum(part.queue + part.compute for part in run.parts.values()) == pytest.approx(
        run.latency.mean, rel=0.2
    )


def test_the_average_batch_is_rows_over_executions() -> None:
    assert captured("overload").parts["demo_model"].average_batch == 227 / 8


def test_a_model_without_steps_accounts_for_itself() -> None:
    run = captured("single")
    assert list(run.parts) == [""]
    assert 0 < run.parts[""].compute < run.latency.mean


def test_texts_that_the_load_generator_sent_late_are_a_share() -> None:
    assert captured("overload").late == 0.163
    assert captured("ensemble").late == 0


def test_the_spread_is_how_far_the_windows_differ_in_latency_or_throughput() -> None:
    windows = (Window(throughput=100, latency=10), Window(throughput=125, latency=11))
    assert replace(captured("ensemble"), windows=windows).spread(USERS) == pytest.approx(0.25)


def test_at_random_arrivals_throughput_does_not_count_as_spread() -> None:
    windows = (Window(throughput=100, latency=10), Window(throughput=125, latency=11))
    assert replace(captured("ensemble"), windows=windows).spread(RATE) == pytest.approx(0.1)


def test_a_run_without_windows_is_never_steady() -> None:
    assert replace(captured("ensemble"), windows=()).spread(USERS) == float("inf")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("unknown_model", "failed to get model metadata: Request for unknown model: 'nosuch' is not found"),
        ("unstable", "Failed to obtain stable measurement."),
        ("refused", "demo_model: [ONNXRuntimeError] : 2 : INVALID_ARGUMENT"),
    ],
)
def test_the_programs_own_last_words_say_why_it_gave_up(name: str, sentence: str) -> None:
    assert output.last_words((CAPTURED / f"{name}.log").read_text(), 99).startswith(sentence)


def test_a_silent_end_is_told_by_its_status() -> None:
    assert "status -9" in output.last_words("\n \n", -9)


@pytest.mark.parametrize("report", ["", "Concurrency,Something\n1,2\n"])
def test_a_report_of_another_kind_is_an_error_and_no_figure(report: str) -> None:
    with pytest.raises((ValueError, LookupError, StopIteration)):
        output.read(report, "")
