"""Triton's statuses and sentences as typed errors, and addresses: tables, without a server."""

import pytest

from tritext import (
    IncompatibleModel,
    InvalidRequest,
    InvalidText,
    ModelNotFound,
    Overloaded,
    ServerFailed,
    ServerUnavailable,
    TritextError,
)
from tritext.address import BadAddress, parse
from tritext.failures import ClientError, TooMuchAtOnce, failure

IN_ENSEMBLE = "in ensemble 'tiny', "


@pytest.mark.parametrize(
    ("statuses", "sentence", "expected"),
    [
        (("NOT_FOUND", "404"), "Request for unknown model: 'x' is not found", ModelNotFound),
        (("NOT_FOUND", "404"), "Request for unknown model: 'x' has no available versions", ServerUnavailable),
        (("INVALID_ARGUMENT", "400"), IN_ENSEMBLE + "TEXT row 3 has 900 tokens", InvalidText),
        (("INVALID_ARGUMENT", "400"), IN_ENSEMBLE + "QUESTION row 0 has 70 tokens", InvalidText),
        (
            ("INVALID_ARGUMENT", "400"),
            IN_ENSEMBLE + "this request makes 300 rows for the model, which takes 256 at once; send less",
            TooMuchAtOnce,
        ),
        (
            ("INVALID_ARGUMENT", "400"),
            IN_ENSEMBLE + "this request asks for 9 fillings, and 5 are answered at once; lower the parameter "
            "top_k, or send fewer texts",
            TooMuchAtOnce,
        ),
        (("INVALID_ARGUMENT", "400"), IN_ENSEMBLE + "the parameter top_k takes a number", InvalidRequest),
        (
            ("INVALID_ARGUMENT", "400"),
            "unexpected inference output 'RESULT' for model 'x'",
            IncompatibleModel,
        ),
        (("UNAVAILABLE", "503"), IN_ENSEMBLE + "Request timeout expired", Overloaded),
        (("UNAVAILABLE", "503"), IN_ENSEMBLE + "Exceeds maximum queue size", Overloaded),
        (("UNAVAILABLE", "503"), "Socket closed", ServerUnavailable),
        (("INTERNAL", "500"), "Stub process 'x_0_0' is not healthy.", ServerUnavailable),
        (("INTERNAL", "500"), "onnx runtime error 6", ServerFailed),
        (("RESOURCE_EXHAUSTED", "429"), "too many requests", Overloaded),
        (("RESOURCE_EXHAUSTED", "413"), "Received message larger than max (9 vs. 4)", InvalidRequest),
        (("PERMISSION_DENIED", "403"), "This protocol is restricted", InvalidRequest),
        (("UNIMPLEMENTED", "405"), "no such method", ServerFailed),
        (("502", "504"), "Bad Gateway", ServerUnavailable),
    ],
)
def test_both_protocols_statuses_become_the_same_error(
    statuses: tuple[str, str], sentence: str, expected: type[ClientError]
) -> None:
    assert [type(failure(status, sentence, model="x")) for status in statuses] == [expected, expected]


def test_an_invalid_text_keeps_the_servers_words_and_its_row() -> None:
    error = failure("400", IN_ENSEMBLE + "TEXT row 3 has 900 tokens, more than 128; shorten it")
    assert isinstance(error, InvalidText)
    assert error.row == 3
    assert str(error.at(67)) == "Text 67 (counted from 0) has 900 tokens, more than 128; shorten it."


def test_every_failure_is_a_client_error_and_a_tritext_error() -> None:
    assert issubclass(ClientError, TritextError)
    assert all(issubclass(kind, ClientError) for kind in (ModelNotFound, InvalidText, Overloaded, BadAddress))


@pytest.mark.parametrize(
    ("url", "expected", "encrypted"),
    [
        ("localhost:8001", "grpc://localhost:8001", False),
        ("localhost", "grpc://localhost:8001", False),
        ("grpc://host:1", "grpc://host:1", False),
        ("grpcs://host:1", "grpcs://host:1", True),
        ("http://host", "http://host:8000", False),
        ("http://host:80/triton/", "http://host:80/triton", False),
        ("https://host:443", "https://host:443", True),
        ("http://[::1]:8000", "http://[::1]:8000", False),
    ],
)
def test_addresses_are_read(url: str, expected: str, encrypted: bool) -> None:  # noqa: FBT001
    address = parse(url)
    assert (str(address), address.encrypted) == (expected, encrypted)


@pytest.mark.parametrize(
    "url",
    [
        *("", "ftp://x", "http://", ":8001", "host:port", "host:99999", "http://u:p@h", "http://h?q"),
        *("h/path", "a b", "host\n:1", "\udcff"),
    ],
)
def test_what_is_no_address_is_refused_with_the_ways_to_write_one(url: str) -> None:
    with pytest.raises(BadAddress, match="grpc://host:port"):
        parse(url)
