"""What is known of one model version: the documents that training, build, evaluation and bench left behind.

It reads and checks documents; it refuses to know how they are shown and where they were found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext.tables import NoRows, read_json, read_table
from tritext_perf.version_report.errors import OtherModel, StrangeDocument

Document = Mapping[str, Any]

TRAINING_REPORT, FALSE_PREDICTIONS = "training_report.json", "false_predictions.csv"

KEYS = {
    "training report": ("task", "training", "metrics"),
    "manifest": ("name", "version", "gates", "files"),
    "evaluation": ("model", "task", "served"),
    "bench": ("model", "scenarios"),
}
"""What each kind of document must have to be one."""

WRITTEN_BY = {
    "training report": "the report that `tritext train` writes",
    "manifest": "the manifest that `tritext build` writes",
    "evaluation": "what `tritext evaluate --json` prints",
    "bench": "what `tritext bench --json` prints, which is also its results.json",
}


@dataclass(frozen=True, kw_only=True)
class FalsePredictions:
    """The test rows that came out wrong, the worst first, as the CSV has them."""

    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Registration:
    """The version in the registry: `version` as models:/NAME/7, and its run, with a page where a server shows one."""

    version: str
    run_id: str
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that a report can show; None where there is no such document.

    Attributes:
        title: What the report is about, as its reader would name it.
        checkpoint: Where the checkpoint is or should be, for the commands that make what is missing.
        notes: What a reader must know about how the documents fit together.

    Raises:
        OtherModel: The figures are not all of the version in the manifest.
    """

    title: str
    checkpoint: str = "CHECKPOINT"
    training: Document | None = None
    false_predictions: FalsePredictions | None = None
    manifest: Document | None = None
    evaluation: Document | None = None
    bench: Document | None = None
    registration: Registration | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.manifest is None:
            return
        expected = self.name, str(self.manifest["version"])
        if self.evaluation is not None:
            asked = self.evaluation["model"], self.evaluation.get("version")
            _expect_same("The evaluation", expected, asked)
        if self.bench is not None:
            model = self.bench["model"]
            _expect_same("The bench", expected, (model["name"], model.get("version")))

    @property
    def name(self) -> str:
        """Of the served model; a word to be replaced where none is known."""
        for document, key in ((self.manifest, "name"), (self.evaluation, "model")):
            if document is not None:
                return str(document[key])
        return str(self.bench["model"]["name"]) if self.bench is not None else "NAME"

    @property
    def task(self) -> str:
        documents = (self.training, self.manifest, self.evaluation)
        return next((str(each["task"]) for each in documents if each is not None and each.get("task")), "")


def _expect_same(document: str, expected: tuple[str, str], got: tuple[Any, Any]) -> None:
    """A document that tells no version is taken at the model's word."""
    name, version = got
    if name != expected[0] or (version not in (None, "") and str(version) != expected[1]):
        raise OtherModel(
            document=document,
            expected="/".join(expected),
            got=f"{name}/{version}" if version not in (None, "") else str(name),
        )


def read_document(path: Path, kind: str) -> Document:
    """The JSON document of a kind that `KEYS` lists.

    Raises:
        TritextError: It cannot be read, or is something else.
    """
    return checked(read_json(path), kind, str(path))


def checked(value: Any, kind: str, document: str) -> Document:
    """The value, if it has what a document of its kind must have.

    Raises:
        StrangeDocument: It has not.
    """
    if not isinstance(value, Mapping) or any(key not in value for key in KEYS[kind]):
        raise StrangeDocument(document=document, expected=WRITTEN_BY[kind])
    return value


def read_training(folder: Path) -> tuple[Document | None, FalsePredictions | None]:
    """What training left in a checkpoint's folder.

    Raises:
        TritextError: It is there and cannot be read.
    """
    report, rows = folder / TRAINING_REPORT, folder / FALSE_PREDICTIONS
    return (
        read_document(report, "training report") if report.is_file() else None,
        _read_false_predictions(rows) if rows.is_file() else None,
    )


def _read_false_predictions(path: Path) -> FalsePredictions:
    try:
        table = read_table(path)
    except NoRows:
        return FalsePredictions(columns=(), rows=())
    rows = [dict(zip(table.columns, map(str, row), strict=True)) for _, row in table.rows]
    return FalsePredictions(columns=table.columns, rows=rows)
