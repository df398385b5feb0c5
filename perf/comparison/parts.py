"""The parts of a comparison: which systems meet which texts under which load."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from comparison.ceiling import Ceiling
from comparison.peer import Peer, peers
from comparison.processes import call
from comparison.system import System
from comparison.texts import Mix
from comparison.tritext_system import TritextSystem

BUSY = 64
"""Users in the closed loop that systems are compared by."""

SERVED = (
    ("onnx", "fp32"),
    ("onnx", "int8"),
    ("torchscript", "bf16"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
)
"""What of Tritext is compared."""

ENGINES = {"onnx": "onnxruntime", "torchscript": "torchscript"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One load: so many users at once, or so many texts a second at random."""

    mix: Mix
    users: int = 0
    rate: float = 0.0

    @property
    def has_ceiling(self) -> bool:
        """Whether an offline loop has something to say: the most that can be done, or what one text takes."""
        return self.users in (1, BUSY)

    def __str__(self) -> str:
        return (
            f"{self.mix.name}, {self.users} users"
            if self.users
            else f"{self.mix.name}, {self.rate:g} texts/s"
        )


@dataclass(frozen=True, kw_only=True)
class Part:
    """Systems that run side by side, and the cases that each of them meets in turn, round after round."""

    name: str
    checkpoint: Path
    systems: Sequence[System]
    cases: Sequence[Case]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A checkpoint, and everything that is made of it."""

    checkpoint: Path
    work: Path
    environments: Path
    max_length: int
    eval_data: Path | None
    """Labelled texts, where the labels mean something."""

    def tritext(self, *, padded: bool = False) -> list[TritextSystem]:
        found = [self._tritext(format_, precision) for format_, precision in SERVED]
        return [*found, self._tritext("onnx", "fp32", unpadded=False)] if padded else found

    def _tritext(self, format_: str, precision: str, *, unpadded: bool = True) -> TritextSystem:
        return TritextSystem(
            checkpoint=self.checkpoint,
            work=self.work,
            format=format_,
            precision=precision,
            max_length=self.max_length,
            eval_data=self.eval_data,
            unpadded=unpadded,
        )

    def peers(self) -> list[Peer]:
        return peers(self.checkpoint, self.work, self.environments)

    def ceilings(self) -> list[Ceiling]:
        """With stock models, and with the very models that Tritext serves."""
        return [*self._stock(), *self._own()]

    def original(self) -> Ceiling:
        """The checkpoint itself, in torch: what all others are compared with."""
        return self._ceiling("torch_fp32", self.checkpoint, "fp32", "torch")

    def _stock(self) -> Iterator[Ceiling]:
        folder = self.work / "stock"
        yield self._ceiling("onnxruntime", folder / "fp32.onnx", "fp32", "ONNX Runtime", made=self._export)
        yield self._ceiling(
            "onnxruntime", folder / "int8.onnx", "int8", "ONNX Runtime, dynamic", made=self._export
        )
        yield self._ceiling("torch_bf16", self.checkpoint, "bf16", "torch")
        yield self._ceiling("openvino_fp32", folder / "fp32.onnx", "fp32", "OpenVINO", made=self._export)
        yield self._ceiling("openvino_bf16", folder / "fp32.onnx", "bf16", "OpenVINO", made=self._export)

    def _export(self) -> None:
        folder = self.work / "stock"
        if not (folder / "int8.onnx").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            command: list[str | Path] = [
                sys.executable,
                "-m",
                "comparison.stock",
                str(self.checkpoint),
                folder,
            ]
            call(command, self.work / "stock.log")

    def _own(self) -> Iterator[Ceiling]:
        for one in self.tritext():
            hint = "bf16" if one.precision == "bf16" else "fp32"
            engine = ENGINES.get(one.format, f"openvino_{hint}")
            title = one.title.replace("Tritext", "our graph")
            yield self._ceiling(engine, one.model_file, one.precision, title, name=one.name, made=one.build)

    def _ceiling(
        self,
        engine: str,
        model: Path,
        precision: str,
        title: str,
        *,
        name: str | None = None,
        made: Callable[[], None] = lambda: None,
    ) -> Ceiling:
        return Ceiling(
            engine=engine,
            model=model,
            make=made,
            checkpoint=self.checkpoint,
            max_length=self.max_length,
            fixed_width=name is not None,
            name=f"offline_{name or f'{engine}_{precision}'}",
            title=f"offline, {title}",
            precision=precision,
            log=self.work / f"offline_{engine}_{precision}.log",
        )
