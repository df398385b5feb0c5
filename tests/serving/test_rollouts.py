"""Versions change under load without a failed or a mixed answer, and whatever is cut off, one version is served."""

import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.serving.asking import data_of, infer, texts, wait_until
from tests.serving.repositories import add_network
from tests.support.families import make
from tests.support.rolling import Answer, Rolling, Users, expected_answers
from tritext import Client
from tritext_build import BuildRequest, build
from tritext_serving import Server, ServeSettings, running_server
from tritext_serving.errors import BadLiveFile, ServingError, Unreachable
from tritext_serving.live import FILE, LiveVersions
from tritext_serving.rollouts import errors
from tritext_serving.rollouts.served import Served, look
from tritext_serving.rollouts.several import Order, Outcome, roll
from tritext_serving.rollouts.shadow import Shadow

TEXTS = ("where is my parcel", "Hello!!", "an invoice, twice", "kind regards")


def add_copy(repository: Path, version: int, *, of: int) -> None:
    """Another version that is made like one that is there; its manifest comes last."""
    folders = [folder for folder in repository.glob("tiny*") if (folder / str(of)).is_dir()]
    for folder in sorted(folders, key=lambda path: path.name.endswith("_tokenizer")):
        shutil.copytree(folder / str(of), folder / str(version))
    config = repository / f"tiny/{version}/config.pbtxt"
    pins = f"model_version: {of}", f"model_version: {version}"
    config.write_text(config.read_text(encoding="utf-8").replace(*pins), encoding="utf-8")


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions 1 and 2 differ in tokenizer, widths, inputs of the graph, labels, and explanations; 3 and 4 are broken.

    3 does not load, and 4 has the probes of another version.
    """
    folder = tmp_path_factory.mktemp("rollouts")
    checkpoints = (
        make(folder / "one", seed=90),
        make(folder / "two", family="roberta", labels=("up", "down", "left", "right"), max_length=48, seed=3),
    )
    for checkpoint, explain in zip(checkpoints, (True, False), strict=True):
        build(
            BuildRequest(
                checkpoint=str(checkpoint), name="tiny", repository=folder / "repository", explain=explain
            )
        )
    repository = folder / "repository"
    add_copy(repository, 3, of=2)
    (repository / "tiny_postprocess/3/model.py").write_text("raise RuntimeError('spoilt')", encoding="utf-8")
    add_copy(repository, 4, of=2)
    probes = repository / "tiny_tokenizer/4/probes.json"
    probes.write_bytes((repository / "tiny_tokenizer/1/probes.json").read_bytes())
    return repository


@pytest.fixture(scope="module")
def rolled(two_versions: Path) -> Iterator[Server]:
    """A server that has begun with version 1, and keeps answers, which must not outlive their version."""
    LiveVersions(path=two_versions / FILE).path.write_text(
        '{"tiny": {"version": 1, "rollback_to": []}}', encoding="utf-8"
    )
    with running_server(two_versions, cache_mb=16) as server:
        yield server


def served(server: Server) -> Served:
    return look(server.control, "tiny")


def go(server: Server, version: int | None, **more: object) -> Outcome:
    (outcome,) = roll(Order(name="tiny", urls=(server.http_url,), version=version, **more), lambda *_: None)  # type: ignore[arg-type]
    return outcome


def make_live(server: Server, version: int) -> None:
    if served(server).version != version:
        go(server, version)


def hits(server: Server) -> float:
    """How many answers came out of the cache."""
    with urlopen(server.metrics_url, timeout=10) as page:  # noqa: S310
        lines = page.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("nv_cache_num_hits_per_model{"))


@pytest.fixture(scope="module")
def expected(rolled: Server) -> dict[int, dict[str, Answer]]:
    """What each version answers when nothing else goes on."""
    return expected_answers(rolled.http_url, "tiny", TEXTS, 2, 1)


def test_kept_answers_are_those_of_the_text_the_parameters_the_outputs_and_the_version(
    rolled: Server,
) -> None:
    """Triton's key knows a step's inputs only, so the step whose answers are kept is the one that sees nothing else."""
    make_live(rolled, 1)

    def ask(*outputs: str) -> dict[str, list[Any]]:
        _, answer = infer(rolled.http_url, "tiny", texts("Hello!!"), list(outputs))
        return data_of(answer)

    before = hits(rolled)
    with Client(rolled.grpc_url) as client:
        assert [len(client.classify("tiny", "Hello!!", top_k=most)) for most in (1, 2, 1)] == [1, 2, 1]
    probabilities = ask("PROBABILITIES")
    assert ask("PROBABILITIES", "RESULT")["PROBABILITIES"] == probabilities["PROBABILITIES"]
    assert hits(rolled) >= before + 4
    make_live(rolled, 2)
    assert ask("PROBABILITIES") != probabilities
    make_live(rolled, 1)
    assert ask("PROBABILITIES") == probabilities


@pytest.mark.slow
def test_versions_change_under_load_and_every_answer_is_wholly_one_version_s(
    rolled: Server, expected: dict[int, dict[str, Answer]]
) -> None:
    make_live(rolled, 1)
    with Users(rolled.http_url, "tiny", expected, users=16) as users:
        for version, live in ((2, 2), (None, 1), (2, 2)):
            assert go(rolled, version).live == served(rolled).version == live
            assert not served(rolled).leftovers
    assert set(users.traffic.answers) == {1, 2}
    assert not users.traffic.failures
    assert not users.traffic.mixed


@pytest.mark.slow
def test_killed_at_any_moment_a_rollout_leaves_one_version_and_the_next_one_tidies_up(
    rolled: Server, expected: dict[int, dict[str, Answer]]
) -> None:
    make_live(rolled, 2)
    rolling = Rolling(rolled.http_url, "tiny")
    with Users(rolled.http_url, "tiny", expected, users=16) as users:
        rolling.round_with_kills(2.5, random.Random(1), versions=(1, 2))
    assert {entry["live"] for entry in rolling.seen} <= {1, 2}
    assert not rolling.seen[-1]["left_over"]
    assert not users.traffic.failures
    assert not users.traffic.mixed


def test_the_same_command_again_finishes_what_was_cut_off(rolled: Server) -> None:
    make_live(rolled, 1)
    rolled.control.load("tiny@2")
    assert served(rolled).leftovers
    outcome = go(rolled, 1)
    assert outcome.before == outcome.live == served(rolled).version == 1
    assert not served(rolled).leftovers


def test_what_was_made_live_is_remembered_and_survives_a_death_of_triton(
    rolled: Server, two_versions: Path
) -> None:
    make_live(rolled, 1)
    make_live(rolled, 2)
    assert LiveVersions.read(two_versions / FILE).versions == {"tiny": 2}
    before = rolled.restarts
    os.kill(rolled.pid, signal.SIGKILL)
    assert wait_until(lambda: rolled.restarts > before and rolled.control.live(), 20)
    assert served(rolled).version == 2
    assert served(rolled).explained is None
    assert go(rolled, None).live == 1
    assert served(rolled).explained == 1
    inputs = [{"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": ["hello there"]}]
    assert rolled.control.infer("tiny_explain", {"inputs": inputs})["model_version"] == "1"


@pytest.mark.parametrize(
    ("version", "error", "says"),
    [
        (3, errors.NotLoaded, r"Version 3 .* does not load at .*spoilt.* serves version 1 of 'tiny'"),
        (4, errors.WrongAnswer, r"does not answer as it did when it was built: .* serves version 1"),
        (1, errors.AlreadyLive, "Version 1 of 'tiny' is already live"),
        (9, errors.VersionNotThere, "no complete version 9 of 'tiny', only 1, 2, 3, 4"),
    ],
)
def test_what_cannot_go_live_does_not_and_is_gone_afterwards(
    rolled: Server, version: int, error: type[ServingError], says: str
) -> None:
    make_live(rolled, 1)
    restarts = rolled.restarts
    with pytest.raises(error, match=says):
        go(rolled, version)
    assert served(rolled).version == 1
    assert not served(rolled).leftovers
    assert rolled.restarts == restarts


def test_other_mistakes_are_a_sentence(rolled: Server, two_versions: Path, tmp_path: Path) -> None:
    url = (rolled.http_url,)
    with pytest.raises(errors.BadModelName, match="is no model's name"):
        Order(name="../tiny", urls=url)
    with pytest.raises(errors.UnknownModel, match="knows no model 'nosuch'; its models are tiny"):
        roll(Order(name="nosuch", urls=url, version=1), lambda *_: None)
    with pytest.raises(Unreachable, match=r"No Triton answers at 127\.0\.0\.1:1"):
        roll(Order(name="tiny", urls=("127.0.0.1:1",), version=1), lambda *_: None)
    (tmp_path / "live.json").write_text('{"tiny": 2}', encoding="utf-8")
    with pytest.raises(BadLiveFile, match="does not say which versions are live"):
        Server(
            ServeSettings(repository=two_versions, live_file=tmp_path / "live.json", http_port=0, grpc_port=0)
        )


def test_a_server_without_versions_beside_says_that_it_cannot(tmp_path: Path) -> None:
    add_network(tmp_path, "tiny_model", "onnxruntime")
    with (
        running_server(tmp_path, instances=1) as server,
        pytest.raises(errors.CannotControl, match="cannot be changed while it runs"),
    ):
        go(server, 2)


def test_a_rollout_that_changes_too_many_answers_is_refused_with_the_differences(
    rolled: Server, tmp_path: Path
) -> None:
    make_live(rolled, 1)
    data = tmp_path / "texts.txt"
    data.write_text("\n".join(TEXTS), encoding="utf-8")
    shadow = Shadow(data=data, share=1.0)
    with pytest.raises(errors.TooManyChanged, match=r"answers 4 of 4 texts differently, more than 2\.0%"):
        go(rolled, 2, shadow=shadow, max_changed=0.02)
    assert served(rolled).version == 1
    outcome = go(rolled, 2, shadow=shadow)
    assert outcome.comparison is not None
    assert outcome.comparison.summary()["changed"] == 4
    assert json.dumps(outcome.as_dict())


def test_the_first_server_that_fails_ends_it_and_every_server_s_version_is_told(rolled: Server) -> None:
    make_live(rolled, 1)
    urls = (rolled.http_url, "127.0.0.1:1", rolled.http_url)
    with pytest.raises(
        errors.Stopped, match=r"No Triton answers .* serves version 2 .*; 127\.0\.0\.1:1 does not"
    ):
        roll(Order(name="tiny", urls=urls, version=2), lambda *_: None)


def test_a_version_that_comes_while_the_server_runs_can_be_deployed_and_rolled_back(
    rolled: Server, two_versions: Path
) -> None:
    make_live(rolled, 1)
    add_copy(two_versions, 5, of=2)
    assert wait_until(lambda: 5 in served(rolled).versions, 10)
    assert go(rolled, 5).live == 5
    assert served(rolled).rollback_to[-1] == 1
    assert go(rolled, None).live == 1
