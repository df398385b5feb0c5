"""What a server's memory does over many requests of mixed lengths: `python -m comparison.endurance REPOSITORY MODEL --data FILE`."""

import random
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.progress import track

from comparison import load, tritext_system
from comparison.memory import megabytes
from comparison.processes import Failed
from comparison.program import Data, Model, Output, Repository, keep, run, texts_of
from tritext.console import err

LONG_EVERY = 50
"""One request in so many is of a few hundred words."""

USERS = 64

SAMPLE = 5_000
"""Texts of the file that are sent, over and over."""


def main(
    repository: Repository,
    model: Model,
    data: Data,
    requests: Annotated[int, typer.Option(help="How many are sent.", min=2)] = 200_000,
    readings: Annotated[int, typer.Option(help="How often memory is read.", min=2)] = 100,
    output: Output = None,
) -> None:
    """Send many requests, and read the memory of the server and all its processes in between."""
    texts = texts_of(data, SAMPLE)
    with tritext_system.serving(repository, model) as served:
        address, pid = served.server.address, served.pid
        found = [megabytes(pid)]
        each, endless = max(1, requests // readings), mixed(texts)
        for _ in track(range(readings), "sending", console=err):
            bodies = tritext_system.bodies([next(endless) for _ in range(each)])
            answers = load.ask_each(address, [address.request(body) for body in bodies], users=USERS)
            if any(status != load.OK for status, _ in answers):
                failed = sum(status != load.OK for status, _ in answers)
                raise Failed(
                    f"{failed} of {each} requests were not answered: see what `tritext serve` says of {repository}"
                )
            found.append(megabytes(pid))
    half = len(found) // 2
    growth = found[-1]["all"] / found[half]["all"] - 1
    report = {"model": model, "requests": each * readings, "users": USERS}
    report |= {"growth_of_last_half": round(growth, 5), "megabytes": found}
    err.print(
        f"{found[0]['all']:.0f} MB at first, {found[half]['all']:.0f} half way, {found[-1]['all']:.0f} at the end"
    )
    keep(report, output)


def mixed(texts: Sequence[str]) -> Iterator[str]:
    """Texts without end: most as they are, some many times as long."""
    chance = random.Random(0)  # noqa: S311 - a sample, no secret
    number = 0
    while True:
        number += 1
        count = chance.randrange(2, 30) if number % LONG_EVERY == 0 else 1
        yield " ".join(chance.choices(texts, k=count))


if __name__ == "__main__":
    run(main)
