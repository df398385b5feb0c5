"""What is compared: every peer says how it is made and asked; mixes have the lengths that they are called by."""

import json
import os
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from comparison import tritext_system
from comparison.peer import PEERS, Peer, peers
from comparison.texts import SHORT_TOKENS, Mixes

NAMES = sorted(path.parent.name for path in PEERS.glob("*/peer.toml"))


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Peer]:
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text(json.dumps({"id2label": {"0": "no", "1": "yes"}}))
    return {peer.name: peer for peer in peers(checkpoint, tmp_path / "work", tmp_path / "environments")}


def test_there_are_the_peers_that_people_use() -> None:
    assert {"fastapi_pipeline", "infinity", "litserve", "mlserver", "triton_padded", "triton_plain"} <= {
        *NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_is_pinned_and_can_be_started_and_asked(found: dict[str, Peer], name: str) -> None:
    peer = found[name]
    environment = PEERS / peer.environment.name / "requirements.txt"
    wanted = [
        line for line in environment.read_text().splitlines() if line and not line.startswith(("#", "-"))
    ]
    assert all("==" in line for line in wanted)
    assert os.access(peer.folder / "serve.sh", os.X_OK)
    assert peer.title
    assert peer.remark
    assert peer.precision in ("fp32", "bf16", "int8")
    if not peer.facts.get("premade"):
        (body,) = peer._bodies()(['a "quoted" text'])
        assert b"quoted" in body


def test_a_label_is_found_by_its_way_or_as_the_largest_score(found: dict[str, Peer]) -> None:
    one = next(peer for peer in found.values() if peer.facts.get("label_argmax"))
    way = one.facts["label_argmax"]
    answer: object = [0.1, 0.9]
    for key in reversed(way):
        answer = [answer] if isinstance(key, int) else {key: answer}
    assert one._label()(answer) == "yes"


def test_our_own_requests_ask_for_the_best_label() -> None:
    (body,) = tritext_system.bodies(["tschüß"])
    assert json.loads(body)["inputs"][0]["data"] == ["tschüß"]
    assert tritext_system.label({"outputs": [{"data": ["0.9:3:a:b"]}]}) == "a:b"


def test_mixes_have_their_lengths(tiny_tokenizer: Tokenizer) -> None:
    texts = [("word " * count).strip() for count in (1, 2, 3, 5, 9, 20)] * 10
    make = Mixes(tiny_tokenizer, 512, most=300)
    assert make.short(texts).lengths["max"] <= SHORT_TOKENS
    assert make.longest(texts).lengths["min"] == 512
    tailed = make.long_tailed(texts).lengths
    assert tailed["median"] < tailed["mean"] < tailed["p95"]
    assert make.long_tailed(texts).texts == make.long_tailed(texts).texts


@pytest.fixture
def tiny_tokenizer() -> Tokenizer:
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordLevel({"word": 0, "[CLS]": 1, "[SEP]": 2}, unk_token="word"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer
