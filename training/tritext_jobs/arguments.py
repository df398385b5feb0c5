"""What each kind of job is told: checked alike where a job is submitted and where it is done. Does no work.

Training's arguments are its own options, taken from there, so that they cannot differ.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from tritext.errors import TritextError
from tritext_jobs.errors import MalformedArguments, UnknownKind
from tritext_training.options import TrainingOptions

ROWS_PER_PART = 50_000

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Source = Annotated[str, Field(min_length=1)]
FOLDER_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
Name = Annotated[str, Field(pattern=f"^{FOLDER_NAME}$")]
"""A served model's: the name of a folder, which leads nowhere else."""
NameIfAny = Annotated[str, Field(pattern=f"^({FOLDER_NAME})?$")]


def _from_json(value: Any) -> Any:
    """JSON where a command line gave it as text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


class Arguments(BaseModel):
    """What all kinds share: nothing unknown is taken."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), populate_by_name=True)

    def given(self) -> dict[str, Any]:
        """What was said, as JSON; what was left open stays open."""
        return self.model_dump(mode="json", exclude_unset=True, by_alias=True)


class Trains(Arguments):
    """Checked by training itself."""

    @model_validator(mode="after")
    def _options_make_sense(self) -> "Trains":
        self.options(Path("output"))
        return self

    def options(self, output: Path) -> TrainingOptions:
        """As training takes them."""
        names = {each.name for each in dataclasses.fields(TrainingOptions)}
        given = {name: value for name, value in self if name in names}
        return TrainingOptions(**{**given, "output": output})


def _training(**changed: Any) -> dict[str, Any]:
    """Training's options as fields; `changed` ones as given."""
    hints = get_type_hints(TrainingOptions)
    found = {
        each.name: (hints[each.name], ... if each.default is dataclasses.MISSING else each.default)
        for each in dataclasses.fields(TrainingOptions)
    }
    return {**found, "task": (str, "text-classification"), **changed}


TrainArguments = create_model(
    "TrainArguments",
    __base__=Trains,
    **_training(
        output=(Path | None, None),
        register_as=(str | None, Field(default=None, alias="register")),
        experiment=(str | None, None),
        tracking=(bool, True),
    ),
)


class BuildArguments(Arguments):
    checkpoint: Source
    name: NameIfAny = ""
    task: str | None = None
    pairs: bool = False
    version: Positive | None = None
    format: str = "onnx"
    precision: str = "fp32"
    max_length: int | None = None
    repository: Path | None = None
    revision: str | None = None
    allow_pickle: bool = False
    eval_data: Path | None = None
    text_column: str | None = None
    label_column: str | None = None
    label_separator: str | None = None


class EvaluateArguments(Arguments):
    name: Name
    data: Path
    version: Positive | None = None
    url: str | None = None
    repository: Path | None = None
    text_column: str | None = None
    text_pair_column: str | None = None
    label_column: str | None = None
    score_column: str | None = None
    tokens_column: str | None = None
    tags_column: str | None = None
    spans_column: str | None = None
    question_column: str | None = None
    context_column: str | None = None
    answer_column: str | None = None
    answer_start_column: str | None = None
    query_column: str | None = None
    candidate_labels_column: str | None = None
    label_separator: str | None = None
    threshold: Share = 0.5
    hypothesis_template: str | None = None
    timeout: Annotated[float, Field(gt=0)] = 60.0
    log: bool = False
    registered_name: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The columns that were named, by what they hold."""
        return {
            name.removesuffix("_column"): value
            for name, value in self
            if name.endswith("_column") and value is not None
        }


class Stretch(Arguments):
    """Rows of an input: from a position to one before which the last of them begins."""

    at: int
    line: int
    end: int | None = None


class PredictArguments(Arguments):
    name: Name
    input: Path
    output: Path
    url: str | None = None
    repository: Path | None = None
    version: Positive | None = None
    options: Annotated[dict[str, Any], BeforeValidator(_from_json)] = {}
    keep: str | None = None
    prefix: str = ""
    raw: bool = False
    keep_going: bool = False
    overwrite: bool = False
    patience: Annotated[float, Field(ge=0)] = 300.0
    in_flight: Positive | None = None
    batch_size: Positive | None = None
    timeout: Annotated[float, Field(gt=0)] = 120.0
    rows_per_part: Positive = ROWS_PER_PART
    parts_folder: Path | None = None
    stretch: Stretch | None = None


ReleaseArguments = create_model(
    "ReleaseArguments",
    __base__=Trains,
    **_training(
        output=(Path | None, None),
        name=(Name, ...),
        eval_data=(Path, ...),
        experiment=(str | None, None),
        format=(str, "onnx"),
        precision=(str, "fp32"),
        repository=(Path | None, None),
        url=(str | None, None),
    ),
)

KINDS: dict[str, type[Arguments]] = {
    "train": TrainArguments,
    "build": BuildArguments,
    "evaluate": EvaluateArguments,
    "predict": PredictArguments,
    "release": ReleaseArguments,
}
"""In the order in which a model meets them; `release` does the first three, one after the other."""

OWN = frozenset({"parts_folder", "stretch"})
"""Arguments that a job settles for its parts."""


def checked(kind: str, arguments: Mapping[str, Any]) -> Arguments:
    """The arguments of a job.

    Raises:
        UnknownKind: No job is of this kind.
        MalformedArguments: With every problem in one sentence.
        TritextError: Training's own, about an option's value.
    """
    if kind not in KINDS:
        raise UnknownKind(kind=kind, known=KINDS)
    try:
        return KINDS[kind].model_validate(dict(arguments))
    except ValidationError as error:
        raise MalformedArguments(kind=kind, problems=map(_problem, error.errors())) from error


def settled(arguments: Arguments, folder: Path) -> dict[str, Any]:
    """The same, fit to be done elsewhere: relative paths are those of `folder`."""
    found = arguments.given()
    for name, value in arguments:
        if isinstance(value, Path) and name in found:
            found[name] = str(folder / value.expanduser())
    for name in {"base", "checkpoint"} & found.keys():
        path = folder / Path(found[name]).expanduser()
        if path.is_dir() and found[name] != "minilm":
            found[name] = str(path)
    return found


def _problem(error: Any) -> str:
    name = ".".join(map(str, error["loc"])) or "they"
    if error["type"] == "missing":
        return f"{name} is missing"
    if error["type"] == "extra_forbidden":
        return f"{name} is none"
    if isinstance(error.get("ctx", {}).get("error"), TritextError):
        return str(error["ctx"]["error"])
    return f"{name} is {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}"
