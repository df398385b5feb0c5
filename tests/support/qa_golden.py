"""Asks for question answering, and the pipeline's recorded answers to them under `tests/build/golden/question_answering`.

Each folder there has a tokenizer and the answers that the pipeline gives with it and with `stand_in_logits` in
the place of a model. `python -m tests.support.qa_golden` records them anew; it needs what `qa_oracle` tells.
"""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from tests.support.families import FAMILIES, Family, gate_texts, make_tokenizer
from tests.support.qa_oracle import ask_oracle

GOLDEN = Path(__file__).parents[1] / "build" / "golden" / "question_answering"
RECORDED: dict[str, Family] = {
    **{name: FAMILIES[name] for name in ("bert", "roberta", "xlm-roberta")},
    "bert-from-the-left": replace(
        FAMILIES["bert"], tokenizer_settings={"padding_side": "left", "truncation_side": "left"}
    ),
}
"""A family for each way to make tokens: WordPiece, bytes, pieces with spaces in them; and one that reads the context
first."""

MAX_LENGTH = 96
ODD_CONTEXTS = (
    " ",
    "\n\n",
    "x",
    "word",
    "two words",
    "[CLS] some </s> thing [SEP] else <s>",
    "e\u0301te\u0301 👩\u200d👩\u200d👧 \u202eabc\u202c   wide\u3000gap\ttab",
)
ODD_QUESTIONS = (" ", "[CLS] who <s>?", "?")
PARAMETERS: dict[str, tuple[Any, ...]] = {
    "top_k": (1, 2, 5, 20),
    "max_answer_len": (1, 3, 30, 1000),
    "doc_stride": (0, 1, 8, 24),
    "max_seq_len": (96, 80, 64),
    "handle_impossible_answer": (True, False),
    "align_to_words": (False, True),
}


def make_asks(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Keyword arguments of the pipeline: contexts short and long in many scripts, some odd, and every parameter."""
    chance = random.Random(seed)
    return [_ask(chance, index) for index in range(count)]


def _ask(chance: random.Random, index: int) -> dict[str, Any]:
    texts = [text for text in gate_texts() if text]
    question = min(chance.sample(texts, 3), key=len)
    context = " ".join(chance.sample(texts, chance.randint(1, 6)))
    ask: dict[str, Any] = {"question": question[:60], "context": context}
    if index < len(ODD_CONTEXTS):
        ask["context"] = ODD_CONTEXTS[index]
    elif index < len(ODD_CONTEXTS) + len(ODD_QUESTIONS):
        ask["question"] = ODD_QUESTIONS[index - len(ODD_CONTEXTS)]
    given = [name for name in PARAMETERS if chance.random() < 0.4]
    return ask | {name: chance.choice(PARAMETERS[name]) for name in given}


def recorded(name: str) -> list[tuple[dict[str, Any], Any]]:
    """Asks with the pipeline's answers."""
    lines = (GOLDEN / name / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    return [(record["ask"], record["answer"]) for record in map(json.loads, lines)]


def main() -> None:
    """Ask the pipeline and write down what it says; read the diff before you commit it.

    Tokenizers are kept where they are, since no two trainings of one give the same vocabulary.
    """
    for seed, (name, family) in enumerate(RECORDED.items()):
        folder = GOLDEN / name
        if not (folder / "tokenizer.json").is_file():
            make_tokenizer(family, max_length=MAX_LENGTH).save_pretrained(folder)
        names = AutoTokenizer.from_pretrained(folder).model_input_names
        asks = make_asks(40, seed=seed)
        answers = ask_oracle(folder, asks, input_names=names, stand_in=True)
        lines = [
            json.dumps({"ask": ask, "answer": answer}, ensure_ascii=False)
            for ask, answer in zip(asks, answers, strict=True)
        ]
        (folder / "answers.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
