"""Many users at once, every answer checked against the one that its text gets alone.

By hand: `python -m tests.support.load MODEL --data FILE --users 200 --seconds 60` against a running server.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
import tritonclient.grpc.aio as grpcclient

from tritext.records import read_texts

Scores = npt.NDArray[np.float32]


@dataclass
class Outcome:
    """What came of it; latencies in milliseconds."""

    users: int
    seconds: float
    answers: int = 0
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    largest_difference: float = 0.0
    average_batch: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        figures = {key: value for key, value in asdict(self).items() if key != "latencies_ms"}
        percentiles = {
            f"p{p}_ms": round(float(np.percentile(self.latencies_ms, p)), 1) for p in (50, 90, 95, 99)
        }
        return {**figures, **percentiles, "answers_per_second": round(self.answers / self.seconds, 1)}


async def hammer(
    url: str, model: str, texts: Sequence[str], *, users: int, seconds: float, tolerance: float
) -> Outcome:
    """Let `users` users ask one text after another for `seconds` seconds.

    A right answer has the label that the text gets alone, and every score within `tolerance` of it.
    """
    outcome = Outcome(users=users, seconds=seconds)
    async with grpcclient.InferenceServerClient(url) as client:
        alone = [await _scores(client, model, text) for text in texts]
        rows, runs = await _counts(client, model)
        end = time.perf_counter() + seconds
        await asyncio.gather(
            *(_user(client, model, texts, alone, start, end, tolerance, outcome) for start in range(users))
        )
        more_rows, more_runs = await _counts(client, model)
        outcome.average_batch = (more_rows - rows) / (more_runs - runs)
    return outcome


async def _user(
    client: grpcclient.InferenceServerClient,
    model: str,
    texts: Sequence[str],
    alone: Sequence[Scores],
    start: int,
    end: float,
    tolerance: float,
    outcome: Outcome,
) -> None:
    turn = start * 7919
    while (began := time.perf_counter()) < end:
        which = turn % len(texts)
        turn += 1
        try:
            scores = await _scores(client, model, texts[which])
        except Exception as error:  # noqa: BLE001 - every failure is a finding
            outcome.errors.append(str(error))
            continue
        outcome.latencies_ms.append(1000 * (time.perf_counter() - began))
        outcome.answers += 1
        difference = float(np.abs(scores - alone[which]).max())
        outcome.largest_difference = max(outcome.largest_difference, difference)
        # Two labels of all but equal score may change places within the tolerance.
        if difference > tolerance:
            outcome.wrong.append(texts[which])


async def _scores(client: grpcclient.InferenceServerClient, model: str, text: str) -> Scores:
    tensor = grpcclient.InferInput("TEXT", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[text.encode()]], dtype=np.object_))
    answer = await client.infer(model, [tensor], outputs=[grpcclient.InferRequestedOutput("PROBABILITIES")])
    scores: Scores = answer.as_numpy("PROBABILITIES")[0]
    return scores


async def _counts(client: grpcclient.InferenceServerClient, model: str) -> tuple[int, int]:
    """Rows computed and runs made by the ensemble's model step so far, as Triton's statistics say."""
    statistics = (await client.get_inference_statistics(f"{model}_model")).model_stats[0]
    return int(statistics.inference_count), int(statistics.execution_count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--url", default="localhost:8001")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    asked = parser.parse_args()
    outcome = asyncio.run(
        hammer(
            asked.url,
            asked.model,
            read_texts(asked.data),
            users=asked.users,
            seconds=asked.seconds,
            tolerance=asked.tolerance,
        )
    )
    print(json.dumps(outcome.summary(), indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
