"""Tritext as a system of the comparison, through its own commands: `tritext build`, `tritext serve`."""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparison.load import Address
from comparison.processes import Failed, call, free_port, running
from comparison.system import Kind, Server

TRITEXT = Path(sys.executable).parent / "tritext"
MODEL = "texts"
"""What the served model is called."""


@dataclass(frozen=True, kw_only=True)
class TritextSystem:
    """One build of a checkpoint, served."""

    checkpoint: Path
    work: Path
    format: str
    precision: str
    max_length: int
    eval_data: Path | None = None
    """Labelled texts for the build's gates."""
    unpadded: bool = True
    kind: Kind = "tritext"

    @property
    def name(self) -> str:
        return f"tritext_{self.format}_{self.precision}" + ("" if self.unpadded else "_padded")

    @property
    def title(self) -> str:
        runtime = {"onnx": "ONNX Runtime", "torchscript": "TorchScript", "openvino": "OpenVINO"}[self.format]
        return f"Tritext, {runtime}" + ("" if self.unpadded else ", padded to the longest row")

    @property
    def remark(self) -> str:
        return (
            "as `tritext build` and `tritext serve` make it" if self.unpadded else "the same, another graph"
        )

    @property
    def repository(self) -> Path:
        return self.work / self.name

    @property
    def model_file(self) -> Path:
        """What the runtime loads."""
        files = {"onnx": "model.onnx", "torchscript": "model.pt", "openvino": "model.xml"}
        return self.repository / f"{MODEL}_model" / "1" / files[self.format]

    def build(self) -> None:
        """Build it, unless that was done before.

        Raises:
            Failed: A gate failed.
        """
        done = self.repository / "made"
        if done.is_file():
            return
        shutil.rmtree(self.repository, ignore_errors=True)
        command: list[str | Path] = [
            TRITEXT,
            "build",
            self.checkpoint,
            "--name",
            MODEL,
            "--format",
            self.format,
        ]
        command += ["--precision", self.precision, "--max-length", str(self.max_length)]
        command += ["--repository", self.repository]
        command += ["--eval-data", self.eval_data] if self.eval_data else []
        call(command, self.repository.with_suffix(".build.log"))
        if not self.unpadded:
            padded: list[str | Path] = [
                sys.executable,
                "-m",
                "comparison.padded",
                str(self.checkpoint),
                str(self.model_file),
            ]
            call([*padded, self.precision], self.repository.with_suffix(".padded.log"))
        done.touch()

    @contextmanager
    def started(self) -> Iterator[Server]:
        self.build()
        with serving(self.repository, MODEL, log=self.repository.with_suffix(".serve.log")) as served:
            yield served.server


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running `tritext serve`."""

    server: Server
    pid: int
    url: str
    """For clients that speak gRPC."""


@contextmanager
def serving(repository: Path, model: str, *, log: Path = Path("/dev/null")) -> Iterator[Served]:
    """Serve a repository until the end of the block, from the first answer on.

    Raises:
        Failed: It gives none, or the model is not in it.
    """
    if not (repository / model / "config.pbtxt").is_file():
        there = ", ".join(sorted(path.parent.name for path in repository.glob("*/config.pbtxt")))
        raise Failed(
            f"{repository} holds no model {model!r}; there is {there or 'nothing that Triton serves'}"
        )
    port, grpc_port = free_port(), free_port()
    command: list[str | Path] = [TRITEXT, "serve", "--repository", repository, "--http-port", str(port)]
    command += ["--grpc-port", str(grpc_port), "--metrics-port", "0"]
    with running(command, log) as process:
        server = Server(
            address=Address(port=port, path=f"/v2/models/{model}/infer"),
            bodies=bodies,
            label=label,
            process=process,
        )
        server.wait()
        yield Served(server=server, pid=process.pid, url=f"localhost:{grpc_port}")


OUTPUTS = [{"name": "PROBABILITIES", "parameters": {"classification": 1}}]
"""The best label with its probability, as the peers answer."""


def bodies(texts: Sequence[str]) -> list[bytes]:
    """Requests in the JSON of the open inference protocol."""
    return [json.dumps(_body(text), ensure_ascii=False).encode() for text in texts]


def _body(text: str) -> dict[str, Any]:
    return {
        "inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": [text]}],
        "outputs": OUTPUTS,
    }


def label(answer: Any) -> str:
    """In Triton's classification extension a string: value, index and label."""
    return str(answer["outputs"][0]["data"][0]).split(":", 2)[2]
