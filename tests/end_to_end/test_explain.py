"""Explanations through a real Triton: of the served model itself, over both protocols and from the command line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient

from tritext import AsyncClient, Client, Explanation, InvalidText, NotExplained
from tritext.failures import InvalidRequest, ModelNotFound
from tritext_serving import Server

TEXT = "where is my parcel?"
HOSTILE = ["", " ", "🙈" * 50, "לָמָּה <b>החבילה</b> מאחרת?", "\x1b[31mred\x00", "word " * 2_000, "x" * 10_000]


@pytest.fixture(params=["grpc", "http"])
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[Client]:
    url = server.grpc_url if request.param == "grpc" else f"http://{server.http_url}"
    with Client(url) as client:
        yield client


def logits(client: Client, name: str, text: Any) -> dict[str, float]:
    labels = client.classify(name, text, top_k="all", function_to_apply="none")
    return {label.label: label.score for label in labels}


def check(found: Explanation, text: str) -> None:
    total = sum(one.attribution for one in found.attributions)
    assert total == pytest.approx(found.value - found.baseline, abs=1e-9)
    assert all(text[one.start : one.end] == one.word for one in found.attributions)


@pytest.mark.parametrize("name", ["tiny", "tiny_int8", "tiny_torchscript"])
def test_the_served_answer_is_what_is_explained(client: Client, name: str) -> None:
    found = client.explain(name, TEXT)
    (best,) = client.classify(name, TEXT)
    assert found.label == best.label
    assert found.score == pytest.approx(best.score, abs=1e-6)
    assert found.value == pytest.approx(logits(client, name, TEXT)[best.label], abs=1e-5)
    assert [one.word for one in found.attributions] == ["where", "is", "my", "parcel", "?"]
    assert found.exact
    check(found, TEXT)


def test_any_label_can_be_asked_about_and_an_unknown_one_is_refused_with_the_known(client: Client) -> None:
    for label, logit in logits(client, "tiny", TEXT).items():
        assert client.explain("tiny", TEXT, label=label).value == pytest.approx(logit, abs=1e-5)
    with pytest.raises(InvalidRequest, match="'calm', 'cross', 'curious'"):
        client.explain("tiny", TEXT, label="merry")


def test_any_text_gets_a_complete_explanation(client: Client) -> None:
    for text, found in zip(HOSTILE, client.explain("tiny", HOSTILE), strict=True):
        check(found, text)
    assert client.explain("tiny", HOSTILE[5]).truncated


def test_a_refused_text_is_named_and_costs_no_other_its_explanation(client: Client) -> None:
    good, bad, other = client.explain(
        "tiny", [TEXT, "word " * 500, TEXT], truncation="error", errors="return"
    )
    assert isinstance(bad, InvalidText)
    assert bad.row == 1
    assert isinstance(good, Explanation)
    assert good == other


def test_pairs_and_several_labels_are_explained(client: Client) -> None:
    pair = client.explain("tiny_pairs", ("where is it", "it is here"))
    assert [one.input for one in pair.attributions] == ["TEXT"] * 3 + ["TEXT_PAIR"] * 3
    several = client.explain("tiny_multi", TEXT, label="broken")
    assert several.score == pytest.approx(1 / (1 + np.exp(-several.value)), abs=1e-6)
    check(several, TEXT)


def test_what_is_not_explained_says_how_to_have_it(client: Client) -> None:
    with pytest.raises(NotExplained, match="Build a version with `tritext build … --explain`"):
        client.explain("tiny_bf16", TEXT)
    with pytest.raises(ModelNotFound, match="'nowhere'"):
        client.explain("nowhere", TEXT)


def test_models_are_listed_without_what_explains_them(client: Client) -> None:
    assert not [model.name for model in client.models() if model.name.endswith("_explain")]


async def test_the_asynchronous_client_explains_the_same(server: Server) -> None:
    with Client(server.grpc_url) as blocking:
        expected = blocking.explain("tiny", TEXT)
    async with AsyncClient(server.grpc_url) as client:
        assert await client.explain("tiny", TEXT) == expected
        assert await client.explain("tiny", [TEXT, TEXT]) == [expected] * 2


def test_any_client_of_triton_s_can_ask(server: Server) -> None:
    tensor = grpcclient.InferInput("TEXT", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[TEXT.encode()]], np.object_))
    with grpcclient.InferenceServerClient(server.grpc_url) as client:
        answer = client.infer("tiny_explain", [tensor], parameters={"label": "calm"})
    document = json.loads(answer.as_numpy("RESULT")[0, 0])
    assert document["label"] == "calm"
    assert set(document["attributions"][0]) == {"word", "start", "end", "attribution"}
    assert answer.as_numpy("TOKEN_COUNT").shape == (1, 1)


def command(server: Server, *arguments: str, text: str | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from tritext.cli import main; main()",
            "explain",
            *arguments,
            "--url",
            server.grpc_url,
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_a_table_and_writes_a_page_in_which_every_text_is_escaped(
    server: Server, tmp_path: Path
) -> None:
    page = tmp_path / "why.html"
    done = command(server, "tiny", "<script>alert(1)</script> & \x1b[31mred", "--html", str(page))
    assert done.returncode == 0, done.stderr
    assert "script" in done.stdout
    assert "\x1b[31mred" not in done.stdout
    written = page.read_text(encoding="utf-8")
    assert "<script" not in written
    assert "&lt;" in written
    assert "\x1b" not in written
    assert "http" not in written.replace("http-equiv", "")


def test_the_command_s_json_is_the_explanation_and_mistakes_are_sentences(
    server: Server, tmp_path: Path
) -> None:
    done = command(server, "tiny", "--json", text=f"{TEXT}\n")
    document = json.loads(done.stdout)
    assert len(document["attributions"]) == 5
    missing = command(server, "tiny", TEXT, "--html", str(tmp_path / "nowhere" / "why.html"))
    assert missing.returncode == 2
    assert "Cannot write the page" in missing.stderr
    assert "Traceback" not in missing.stderr
