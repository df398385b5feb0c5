"""The contract with clients, seen from outside: any client of Triton's, any selection of outputs."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from tritext_serving import Server

LABELS = {"calm", "cross", "curious"}
PROTOCOLS = {"grpc": grpcclient, "http": httpclient}


@pytest.fixture(params=PROTOCOLS)
def triton(request: pytest.FixtureRequest, server: Server) -> Iterator["Asker"]:
    module = PROTOCOLS[request.param]
    client = module.InferenceServerClient({"grpc": server.grpc_url, "http": server.http_url}[request.param])
    yield Asker(module, client)
    client.close()


class Asker:
    """tritonclient's own way of asking, for either protocol."""

    def __init__(self, module: Any, client: Any) -> None:
        self.module, self.client = module, client

    def text(self, values: list[Any], *, shape: list[int] | None = None) -> Any:
        array = np.array(values, dtype=np.object_).reshape(shape or [-1, 1])
        tensor = self.module.InferInput("TEXT", list(array.shape), "BYTES")
        tensor.set_data_from_numpy(array)
        return tensor

    def ask(
        self, texts: list[Any], *outputs: str, name: str = "tiny", classes: int = 0, **parameters: Any
    ) -> Any:
        wanted = [self.module.InferRequestedOutput(output, class_count=classes) for output in outputs]
        return self.client.infer(
            name, [self.text(texts)], outputs=wanted or None, parameters=parameters or None
        )


def results(answer: Any) -> list[Any]:
    return [json.loads(row) for row in answer.as_numpy("RESULT").reshape(-1)]


def test_a_string_gets_label_probabilities_and_token_count(triton: Asker) -> None:
    answer = triton.ask(["hello there"])
    ((label,),) = results(answer)
    probabilities = answer.as_numpy("PROBABILITIES")
    assert label["label"] in LABELS
    assert probabilities.shape == (1, 3)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert label["score"] == pytest.approx(float(probabilities.max()), abs=1e-6)
    assert answer.as_numpy("TOKEN_COUNT").dtype == np.int32


@pytest.mark.parametrize(
    "outputs",
    [
        ("PROBABILITIES",),
        ("RESULT",),
        ("TOKEN_COUNT",),
        ("RESULT", "TOKEN_COUNT"),
        ("PROBABILITIES", "RESULT"),
    ],
)
def test_any_selection_of_outputs_is_answered(triton: Asker, outputs: tuple[str, ...]) -> None:
    answer = triton.ask(["hello there", "and you?"], *outputs)
    for output in outputs:
        assert answer.as_numpy(output).shape[0] == 2
    for output in {"PROBABILITIES", "RESULT", "TOKEN_COUNT"} - set(outputs):
        assert answer.as_numpy(output) is None


def test_triton_s_classification_extension_gives_labels(triton: Asker) -> None:
    answer = triton.ask(["hello there"], "PROBABILITIES", classes=2)
    classes = [row.decode().split(":") for row in answer.as_numpy("PROBABILITIES").reshape(-1)]
    assert len(classes) == 2
    assert {name for _, _, name in classes} <= LABELS
    assert float(classes[0][0]) >= float(classes[1][0])


def test_a_text_gets_the_same_answer_at_every_row(triton: Asker) -> None:
    alone = triton.ask(["where is it?"]).as_numpy("PROBABILITIES")[0]
    texts = ["where is it?", "a " * 300, "x", "where is it?", "", "where is it?"]
    together = triton.ask(texts).as_numpy("PROBABILITIES")
    for row in (0, 3, 5):
        np.testing.assert_allclose(together[row], alone, atol=1e-5)


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), ("3", 3), (99, 3), ("all", 3)])
def test_top_k_is_a_request_parameter(triton: Asker, top_k: object, count: int) -> None:
    (row,) = results(triton.ask(["hello"], "RESULT", top_k=top_k))
    assert len(row) == count
    assert [label["score"] for label in row] == sorted((label["score"] for label in row), reverse=True)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"top_k": 0}, "top_k takes a whole number"),
        ({"top_k": "many"}, "top_k takes a whole number"),
        ({"top_k": True}, "top_k takes a whole number"),
        ({"function_to_apply": "argmax"}, "function_to_apply takes"),
        ({"truncation": "maybe"}, "truncation takes 'truncate' or 'error'"),
    ],
)
def test_an_unknown_value_of_a_parameter_is_refused_in_one_sentence(
    triton: Asker, parameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InferenceServerException, match=sentence) as raised:
        triton.ask(["hello"], **parameters)
    assert raised.value.status() in {"StatusCode.INVALID_ARGUMENT", "400"}


def test_a_long_text_is_cut_or_refused_as_asked(triton: Asker) -> None:
    long = "word " * 500
    assert triton.ask([long]).as_numpy("TOKEN_COUNT").item() > 64
    with pytest.raises(
        InferenceServerException, match=r"TEXT row 1 has \d+ tokens, more than this model's 64"
    ):
        triton.ask(["short", long], truncation="error")


def test_bytes_that_are_no_utf8_are_refused_and_the_row_is_named(triton: Asker) -> None:
    with pytest.raises(
        InferenceServerException, match="TEXT row 1 is not valid UTF-8: byte 0xff at position 2"
    ) as raised:
        triton.ask([b"fine", b"ab\xff"])
    assert raised.value.status() in {"StatusCode.INVALID_ARGUMENT", "400"}


def test_a_megabyte_of_text_is_answered(triton: Asker) -> None:
    answer = triton.ask(["all work and no play " * 50_000])
    assert len(results(answer)) == 1
    assert answer.as_numpy("TOKEN_COUNT").item() > 200_000


def _named(asker: Asker, name: str) -> Any:
    tensor = asker.module.InferInput(name, [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([["a"]], dtype=np.object_))
    return tensor


def _numbers(asker: Asker) -> Any:
    tensor = asker.module.InferInput("TEXT", [1, 1], "INT32")
    tensor.set_data_from_numpy(np.array([[1]], dtype=np.int32))
    return tensor


@pytest.mark.parametrize(
    ("tensor", "sentence"),
    [
        (lambda asker: asker.text(["a", "b"], shape=[1, 2]), "unexpected shape for input 'TEXT'"),
        (lambda asker: asker.text(["a"], shape=[1]), "unexpected shape for input 'TEXT'"),
        (lambda asker: asker.text(["a"] * 65), "batch-size must be <= 64"),
        (lambda asker: _named(asker, "TEXTS"), "TEXT"),
        (_numbers, "data-type"),
    ],
    ids=["two-columns", "no-batch", "too-many-rows", "wrong-name", "wrong-dtype"],
)
def test_a_malformed_request_is_refused_in_one_sentence(triton: Asker, tensor: Any, sentence: str) -> None:
    with pytest.raises(InferenceServerException, match=sentence) as raised:
        triton.client.infer("tiny", [tensor(triton)])
    assert raised.value.status() in {"StatusCode.INVALID_ARGUMENT", "400"}
    assert len(results(triton.ask(["still there?"]))) == 1


def post(server: Server, path: str, body: object) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{server.http_url}/v2/models/{path}", data)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_generate_takes_text_and_parameters_as_plain_json(server: Server) -> None:
    status, answer = post(server, "tiny/generate", {"TEXT": "hello there", "top_k": 2})
    assert status == 200
    assert len(json.loads(answer["RESULT"])) == 2
    assert len(answer["PROBABILITIES"]) == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"TEXT": "a", "truncation": "no"}, 400),
        # Triton's own front end refuses these before any model sees them, and calls them its own fault.
        ({"TEXT": 3}, 500),
        (b"no json", 500),
    ],
)
def test_generate_refuses_nonsense_with_a_sentence(server: Server, body: object, status: int) -> None:
    answered, answer = post(server, "tiny/generate", body)
    assert answered == status
    assert answer["error"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_s_plain_json_infer_gives_classes(server: Server) -> None:
    body = {
        "inputs": [{"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": ["hello"]}],
        "outputs": [{"name": "PROBABILITIES", "parameters": {"classification": 2}}],
    }
    url = f"http://{server.http_url}/v2/models/tiny/infer"
    run = subprocess.run(["curl", "-sf", url, "-d", json.dumps(body)], capture_output=True, check=True)
    (output,) = json.loads(run.stdout)["outputs"]
    assert len(output["data"]) == 2
    assert {value.split(":")[2] for value in output["data"]} <= LABELS


def test_the_ensemble_says_its_task(server: Server) -> None:
    client = httpclient.InferenceServerClient(server.http_url)
    config = client.get_model_config("tiny")
    client.close()
    assert config["parameters"]["task"]["string_value"] == "text-classification"
