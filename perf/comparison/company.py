"""Whether an answer depends on who shares its batch: `python -m comparison.company REPOSITORY MODEL --data FILE`.

Each text is asked for alone; then all at once by many users, among texts of two tokens and of the most that the model
takes, in requests of 1 to 64 rows. Compared are the scores of all labels.
"""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from comparison import tritext_system
from comparison.program import Data, Model, Output, Repository, keep, run, texts_of
from tritext import Client
from tritext.console import err

Scores = npt.NDArray[np.float32]

USERS = 32
MOST_ROWS = 64
LONG = "word " * 600


def main(
    repository: Repository,
    model: Model,
    data: Data,
    count: Annotated[int, typer.Option(help="How many texts.", min=1)] = 2_000,
    rounds: Annotated[int, typer.Option(help="How many companies each text meets.", min=1)] = 3,
    output: Output = None,
) -> None:
    """Largest difference of a score, and how many labels are others."""
    texts = texts_of(data, count)
    found = []
    with tritext_system.serving(repository, model) as served, Client(served.url) as client:
        alone = np.concatenate([client.probabilities(model, [text]) for text in texts])
        for number in range(rounds):
            together = _together(client, model, texts, seed=number)
            found.append(
                {
                    "largest_difference": float(np.abs(alone - together).max()),
                    "other_labels": int((alone.argmax(axis=1) != together.argmax(axis=1)).sum()),
                }
            )
            err.print(found[-1])
    keep({"model": model, "texts": len(texts), "rounds": found}, output)


def _together(client: Client, model: str, texts: Sequence[str], *, seed: int) -> Scores:
    """The scores of all texts, asked for by many users at once in an order that chance gives."""
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    order = list(range(len(texts)))
    chance.shuffle(order)
    requests = list(_requests(order, chance))
    with ThreadPoolExecutor(USERS) as pool:
        answers = list(
            pool.map(
                lambda places: client.probabilities(model, [*(texts[place] for place in places), "", LONG]),
                requests,
            )
        )
    found: Scores = np.empty((len(texts), answers[0].shape[1]), np.float32)
    for places, scores in zip(requests, answers, strict=True):
        found[places] = scores[: len(places)]
    return found


def _requests(order: Sequence[int], chance: random.Random) -> Iterator[list[int]]:
    """Of 1 to 62 texts, which an empty and a long one join."""
    start = 0
    while start < len(order):
        size = chance.choice((1, 1, 1, 2, 5, MOST_ROWS - 2))
        yield list(order[start : start + size])
        start += size


if __name__ == "__main__":
    run(main)
