"""Little data sets for every task but plain classification, which the tiny base can learn: one word of a text decides."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.training.tiny_base import FILLERS, TOPICS

Sentence = tuple[list[str], str, int]
"""Words, the topic of the one that is no filler, and its place."""


def sentence(chance: random.Random, *, longest: int = 8) -> Sentence:
    topic = chance.choice(list(TOPICS))
    words = chance.choices(FILLERS, k=chance.randint(2, longest))
    place = chance.randint(0, len(words))
    return [*words[:place], chance.choice(TOPICS[topic]), *words[place:]], topic, place


def write_tags(path: Path, chance: random.Random) -> None:
    """CoNLL's columns; some texts are longer than the model reads at once."""
    with path.open("w", encoding="utf-8") as file:
        for row in range(120):
            words, topic, place = sentence(chance, longest=40 if row % 5 == 0 else 8)
            for index, word in enumerate(words):
                file.write(f"{word}\t{f'B-{topic}' if index == place else 'O'}\n")
            file.write("\n")


def write_questions(path: Path, chance: random.Random) -> None:
    """SQuAD's JSON; every fourth question has no answer, some contexts need several windows."""
    paragraphs = []
    for row in range(120):
        words, _, place = sentence(chance, longest=50 if row % 5 == 0 else 8)
        answers = [{"text": words[place], "answer_start": len(" ".join([*words[:place], ""]))}]
        if row % 4 == 0:
            words[place], answers = "very", []
        asked = {"id": f"q{row}", "question": "see ?", "answers": answers, "is_impossible": not answers}
        paragraphs.append({"context": f"{' '.join(words)} {row}", "qas": [asked]})
    path.write_text(json.dumps({"version": "2", "data": [{"title": "", "paragraphs": paragraphs}]}))


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_pairs(path: Path, chance: random.Random) -> None:
    """Texts that share their word belong together."""
    rows = []
    for _ in range(120):
        words, _, place = sentence(chance)
        rows.append(
            {"text": " ".join(words), "text_pair": f"{words[place]} {' '.join(chance.choices(FILLERS, k=3))}"}
        )
    write_rows(path, rows)


def write_scores(path: Path, chance: random.Random) -> None:
    """Pairs with a number: from 1.5 to 4.5, by the first text's topic."""
    rows = []
    for _ in range(120):
        (words, topic, _), (other, *_) = sentence(chance), sentence(chance)
        score = {"fruit": 1.5, "metal": 3.0, "river": 4.5}[topic]
        rows.append({"text": " ".join(words), "text_pair": " ".join(other), "score": score})
    write_rows(path, rows)


def write_inference(path: Path, chance: random.Random) -> None:
    """Pairs with the numbers 0, 1, 2 for labels, as data sets of natural-language inference have them."""
    rows = []
    for _ in range(120):
        (words, *_), (other, topic, _) = sentence(chance), sentence(chance)
        texts = {"premise": " ".join(words), "hypothesis": " ".join(other)}
        rows.append({**texts, "label": list(TOPICS).index(topic)})
    write_rows(path, rows)


def write_rankings(path: Path, chance: random.Random) -> None:
    """Four texts a query, of which those about fruit are relevant."""
    rows = []
    for query in range(40):
        for _ in range(4):
            words, topic, _ = sentence(chance)
            rows.append(
                {"query": f"want {query}", "text": " ".join(words), "relevance": int(topic == "fruit")}
            )
    write_rows(path, rows)


NAMES = "entailment,neutral,contradiction"

KINDS: dict[str, tuple[str, str, Callable[[Path, random.Random], None], dict[str, Any]]] = {
    "tags": ("token-classification", "tags.conll", write_tags, {}),
    "questions": ("question-answering", "questions.json", write_questions, {}),
    "pairs": ("feature-extraction", "pairs.csv", write_pairs, {"max_length": 16}),
    "similarities": ("feature-extraction", "similarities.csv", write_scores, {}),
    "rankings": ("text-ranking", "rankings.csv", write_rankings, {}),
    "numbers": ("text-classification", "numbers.csv", write_scores, {"label_column": "score"}),
    "inference": (
        "text-classification",
        "inference.csv",
        write_inference,
        {"text_column": "premise", "pair_column": "hypothesis", "label_names": NAMES},
    ),
}
"""By a short name: the task, the file of its data, what writes it, and the options it needs."""


def make_data(folder: Path, kind: str) -> Path:
    _, name, write, _ = KINDS[kind]
    write(folder / name, random.Random(7))
    return folder / name
