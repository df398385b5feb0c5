"""A peer as a system of the comparison: a folder under `peers/` that says how it is installed, started and asked.

`peer.toml` has `title`, `precision`, `remark`, `packages` (whose versions are told), `path`, and how a text becomes a body (`body`, in which TEXT stands for
the JSON string; `raw`, the text itself; or `premade`, by its `requests.py`) and an answer a label (`label`, the way to
it through the JSON; or `label_argmax`, the way to scores). `requirements.txt` is installed into an environment of its
own, unless `environment` names another peer whose it shares. `serve.sh CHECKPOINT PORT WORK` serves.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparison.load import Address
from comparison.processes import call, free_port, running
from comparison.system import Kind, Server

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another server of the same checkpoint."""

    folder: Path
    facts: Mapping[str, Any]
    checkpoint: Path
    work: Path
    environments: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def title(self) -> str:
        return str(self.facts["title"])

    @property
    def precision(self) -> str:
        return str(self.facts["precision"])

    @property
    def remark(self) -> str:
        pins = (PEERS / self.environment.name / "requirements.txt").read_text(encoding="utf-8").splitlines()
        packages = ", ".join(
            pin.partition(" ")[0] for pin in pins if re.split(r"[\[=]", pin)[0] in self.facts["packages"]
        )
        return f"{self.facts['remark']} ({packages})"

    @property
    def kind(self) -> Kind:
        return "triton" if self.name.startswith("triton") else "peer"

    @property
    def environment(self) -> Path:
        return self.environments / str(self.facts.get("environment", self.name))

    def install(self) -> None:
        """Make its environment, unless it is there.

        Raises:
            Failed: pip could not.
        """
        done = self.environment / "installed"
        if done.is_file():
            return
        shutil.rmtree(self.environment, ignore_errors=True)
        log = self.environment.with_suffix(".log")
        call([sys.executable, "-m", "venv", self.environment], log)
        wanted = PEERS / self.environment.name / "requirements.txt"
        extra = os.environ.get("PIP_ARGS", "").split()
        pip = self.environment / "bin" / "pip"
        call([pip, "install", "--quiet", "--disable-pip-version-check", *extra, "-r", wanted], log)
        done.touch()

    @contextmanager
    def started(self) -> Iterator[Server]:
        self.install()
        place = self.work / self.name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        port = free_port()
        command: list[str | Path] = [self.folder / "serve.sh", self.checkpoint, str(port), place]
        path = f"{self.environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
        with running(
            command, place.with_suffix(".log"), folder=self.folder, environment={"PATH": path}
        ) as process:
            server = Server(
                address=self._address(port), bodies=self._bodies(), label=self._label(), process=process
            )
            server.wait()
            yield server

    def _address(self, port: int) -> Address:
        return Address(
            port=port,
            path=self.facts["path"],
            content_type=self.facts.get("content_type", "application/json"),
        )

    def _bodies(self) -> Callable[[Sequence[str]], list[bytes]]:
        if self.facts.get("premade"):
            return self._premade
        if self.facts.get("raw"):
            return lambda texts: [text.encode() for text in texts]
        body = self.facts["body"]
        return lambda texts: [body.replace("TEXT", json.dumps(text)).encode() for text in texts]

    def _premade(self, texts: Sequence[str]) -> list[bytes]:
        """Made by the peer's own program, before anything is timed."""
        asked, made = self.work / f"{self.name}.texts.json", self.work / f"{self.name}.bodies.json"
        asked.write_text(json.dumps(list(texts)), encoding="utf-8")
        python = self.environment / "bin" / "python"
        call([python, self.folder / "requests.py", self.checkpoint, asked, made], made.with_suffix(".log"))
        return [body.encode() for body in json.loads(made.read_text(encoding="utf-8"))]

    def _label(self) -> Callable[[Any], str]:
        names = json.loads((self.checkpoint / "config.json").read_text(encoding="utf-8")).get("id2label", {})
        scores = self.facts.get("label_argmax")

        def label(answer: Any) -> str:
            found = _at(answer, scores or self.facts["label"])
            if scores:
                found = max(range(len(found)), key=found.__getitem__)
            return str(names.get(str(found), found))

        return label


def _at(document: Any, way: Sequence[str | int]) -> Any:
    for key in way:
        document = document[key]
    return document


def peers(checkpoint: Path, work: Path, environments: Path) -> list[Peer]:
    """All that have a folder, by name."""
    return [
        Peer(
            folder=path.parent,
            facts=tomllib.loads(path.read_text(encoding="utf-8")),
            checkpoint=checkpoint,
            work=work,
            environments=environments,
        )
        for path in sorted(PEERS.glob("*/peer.toml"))
    ]
