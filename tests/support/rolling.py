"""Rollouts to and fro under load: every answer must belong wholly to one version, and none may be missing.

By hand: `python -m tests.support.rolling REPOSITORY NAME --data FILE --users 64 --seconds 300 --rounds 20 [--kill]`. It
serves the repository, whose versions 1 and 2 should differ in tokenizer, network and labels.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from comparison.load import Address, User
from tritext.records import read_texts
from tritext_serving import Server, ServeSettings
from tritext_serving.control import Control
from tritext_serving.rollouts.served import look

COMMAND = [sys.executable, "-c", "from tritext.cli import main; main()"]
OUTPUTS = ("PROBABILITIES", "RESULT", "TOKEN_COUNT")
TOLERANCE = 1e-3
"""Of a score, with other texts in its batch than when it was asked alone; versions here differ by far more."""

Answer = dict[str, list[Any]]


def body(text: str) -> bytes:
    tensor = {"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": [text]}
    return json.dumps({"inputs": [tensor], "outputs": [{"name": name} for name in OUTPUTS]}).encode()


def read(answer: bytes) -> tuple[int, Answer]:
    """The version that says it answered, and each output's data."""
    content = json.loads(answer)
    return int(content["model_version"]), {output["name"]: output["data"] for output in content["outputs"]}


def same(answer: Answer, expected: Answer, tolerance: float) -> bool:
    """Whether tokens, scores and labels are the expected ones."""
    (one,), (other,) = (json.loads(each["RESULT"][0]) for each in (answer, expected))
    probabilities, wanted = answer["PROBABILITIES"], expected["PROBABILITIES"]
    return (
        answer["TOKEN_COUNT"] == expected["TOKEN_COUNT"]
        and len(probabilities) == len(wanted)
        and float(np.abs(np.subtract(probabilities, wanted)).max()) <= tolerance
        # Two labels of all but equal score may change places.
        and (one["label"] == other["label"] or max(wanted) - sorted(wanted)[-2] <= 2 * tolerance)
    )


@dataclass
class Traffic:
    """What users got while versions changed."""

    answers: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        milliseconds = 1000 * np.array(self.latencies)
        return {
            "answers_by_version": dict(sorted(self.answers.items())),
            "failed": len(self.failures),
            "failures": sorted(set(self.failures))[:10],
            "answers_of_no_single_version": len(self.mixed),
            "mixed": self.mixed[:10],
            **{f"p{p}_ms": round(float(np.percentile(milliseconds, p)), 1) for p in (50, 95, 99, 100)},
        }


class Users:
    """So many users over HTTP, each asking one text after another as long as the block lasts."""

    def __init__(
        self,
        url: str,
        name: str,
        expected: dict[int, dict[str, Answer]],
        *,
        users: int,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.traffic = Traffic()
        self._address = Address(port=int(url.rpartition(":")[2]), path=f"/v2/models/{name}/infer")
        self._expected, self._users, self._tolerance = expected, users, tolerance
        texts = next(iter(expected.values()))
        self._requests = [(text, self._address.request(body(text))) for text in texts]
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Users":  # noqa: PYI034 - Self came with Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._use(number) for number in range(self._users)))

    async def _use(self, number: int) -> None:
        turn = number * 7919
        with closing(User(self._address)) as user:
            while not self._over.is_set():
                text, request = self._requests[turn % len(self._requests)]
                turn += 1
                began = time.perf_counter()
                try:
                    status, answer = await user.ask(request)
                except (OSError, asyncio.TimeoutError) as error:
                    status, answer = -1, repr(error).encode()
                self.traffic.latencies.append(time.perf_counter() - began)
                self._judge(text, status, answer)

    def _judge(self, text: str, status: int, answer: bytes) -> None:
        if status != 200:
            self.traffic.failures.append(f"{status}: {answer.decode(errors='replace')[:200]}")
            return
        version, got = read(answer)
        self.traffic.answers[version] += 1
        if not same(got, self._expected[version][text], self._tolerance):
            self.traffic.mixed.append(f"version {version}, {text!r}: {got}")


def expected_answers(
    url: str, name: str, texts: Sequence[str], *versions: int
) -> dict[int, dict[str, Answer]]:
    """What each version answers to each text by itself; the last version is live then."""
    found = {}
    for version in versions:
        if look(Control(url=url), name).version != version:
            tool("deploy", name, "--version", str(version), "--url", url)
        control = Control(url=url)
        answers = [control.infer(name, json.loads(body(text))) for text in texts]
        assert {answer["model_version"] for answer in answers} == {str(version)}
        found[version] = {
            text: {output["name"]: output["data"] for output in answer["outputs"]}
            for text, answer in zip(texts, answers, strict=True)
        }
    return found


def tool(*arguments: str, killed_after: float | None = None) -> float | None:
    """Run the command; how long it took, or None if it was killed before it was through."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said, _ = process.communicate(timeout=killed_after or 120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if killed_after is None:
            raise
        return None
    assert process.returncode == 0, said
    return time.perf_counter() - began


@dataclass
class Rolling:
    """Rollouts of one model between versions 1 and 2 of a server, and what was seen after each."""

    url: str
    name: str
    seen: list[dict[str, Any]] = field(default_factory=list)

    def round(self) -> None:
        """Version 2, and back."""
        self._note("deploy 2", tool("deploy", self.name, "--version", "2", "--url", self.url))
        self._note("rollback", tool("rollback", self.name, "--url", self.url))

    def round_with_kills(
        self, longest: float, chance: random.Random, versions: tuple[int, int] = (2, 1)
    ) -> None:
        """Each rollout killed at a random moment, then done anew, unless it was through; the last one leaves nothing over."""
        for version in versions:
            arguments = ("deploy", self.name, "--version", str(version), "--url", self.url)
            moment = chance.uniform(0, longest)
            took = tool(*arguments, killed_after=moment)
            self._note(f"deploy {version}", took, killed_after=None if took else round(moment, 2))
            served = look(Control(url=self.url), self.name)
            if served.version != version or served.leftovers:
                self._note(f"deploy {version} again", tool(*arguments))

    def _note(self, what: str, took: float | None, **more: Any) -> None:
        served = look(Control(url=self.url), self.name)
        assert served.version in {1, 2}
        self.seen.append(
            {
                "what": what,
                "seconds": round(took, 2) if took else None,
                "live": served.version,
                "left_over": list(served.leftovers),
                **more,
            }
        )


@contextmanager
def serving(repository: Path) -> Iterator[Server]:
    """A server on free ports whose live versions are remembered outside of the repository."""
    live_file = repository.with_name(f"{repository.name}-live-{os.getpid()}.json")
    settings = ServeSettings(
        repository=repository, live_file=live_file, http_port=0, grpc_port=0, metrics_port=0
    )
    server = Server(settings, say=_tell, pass_on_log=_tell)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        live_file.unlink(missing_ok=True)


def _tell(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr)  # noqa: T201


def main() -> None:
    asked = _arguments()
    texts = list(dict.fromkeys(read_texts(asked.data)))[: asked.texts]
    chance = random.Random(asked.seed)
    with serving(asked.repository) as server:
        expected = expected_answers(server.http_url, asked.name, texts, 2, 1)
        rolling = Rolling(server.http_url, asked.name)
        with Users(
            server.http_url, asked.name, expected, users=asked.users, tolerance=asked.tolerance
        ) as users:
            began = time.monotonic()
            for number in range(asked.rounds):
                time.sleep(max(0.0, began + number * asked.seconds / asked.rounds - time.monotonic()))
                if asked.kill:
                    rolling.round_with_kills(asked.longest, chance)
                else:
                    rolling.round()
            time.sleep(max(0.0, began + asked.seconds - time.monotonic()))
            lasted = time.monotonic() - began
        report = {
            "asked": {
                key: str(value)
                for key, value in vars(asked).items()
                if key not in {"output", "repository", "data"}
            },
            "machine": {
                "processor": platform.processor(),
                "cores": psutil.cpu_count(),
                "python": platform.python_version(),
            },
            "date": time.strftime("%Y-%m-%d"),
            "seconds": round(lasted, 1),
            "texts": len(texts),
            "answers_that_differ_between_versions": sum(
                not same(expected[1][text], expected[2][text], asked.tolerance) for text in texts
            ),
            "server_restarts": server.restarts,
            **users.traffic.figures(),
            "rollouts": rolling.seen,
        }
    print(json.dumps({key: value for key, value in report.items() if key != "rollouts"}, indent=2))  # noqa: T201
    if asked.output:
        asked.output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("name")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--users", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--kill", action="store_true", help="kill each rollout at a random moment")
    parser.add_argument("--longest", type=float, default=6, help="seconds within which it is killed")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
