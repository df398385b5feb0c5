"""The arguments of each kind for people: name, type, default, meaning. Meanings are the commands' own help where they have one."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, get_args, get_origin

from typer.models import ParameterInfo

from tritext_jobs.arguments import KINDS, OWN, ROWS_PER_PART

VERBS = {
    "train": ("train",),
    "build": ("build",),
    "evaluate": ("evaluate",),
    "predict": ("score", "evaluate"),
    "release": ("train", "build", "evaluate"),
}
"""The commands that do in the foreground what a kind does as a job."""

OWN_SERVER = (
    "Address of the server; without one the job starts a Triton of its own on the repository, and stops it."
)
SHARED = {
    "repository": "Triton's model repository. Default: model_repository, where the worker runs.",
    "url": OWN_SERVER,
}
MEANINGS: dict[str, dict[str, str]] = {
    "train": {"output": "The folder to write. Default: jobs/checkpoints/ID, where the worker runs."},
    "predict": {
        "name": "The served model.",
        "input": "CSV, TSV, JSONL or Parquet, by its suffix.",
        "output": "The file to write, in any of these formats; it appears when it is complete.",
        "options": 'Options of the model\'s task as JSON, such as {"top_k": 2}: those of `tritext score`.',
        "rows_per_part": f"Rows from which the input is split into jobs for several workers ({ROWS_PER_PART:,}).",
    },
    "evaluate": {"version": "A version of the model; the newest if not given."},
    "release": {
        "name": "What the model is registered, built and served as.",
        "eval_data": "Labelled data that no part of the model has seen: training's test, the build's gate, and what "
        "the served model is evaluated on.",
        "output": "The checkpoint's folder. Default: jobs/checkpoints/ID, where the worker runs.",
    },
}


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument; `default` is empty where it is required or open."""

    name: str
    type: str
    required: bool
    default: str
    meaning: str


def arguments(kind: str) -> list[Argument]:
    """All that a user can say to a kind of job, in order, the required ones first."""
    found = [
        Argument(
            name=field.alias or name,
            type=_type(field.annotation),
            required=field.is_required(),
            default="" if field.is_required() or field.default in (None, "", {}) else _json(field.default),
            meaning=_meaning(kind, field.alias or name),
        )
        for name, field in KINDS[kind].model_fields.items()
        if name not in OWN
    ]
    return sorted(found, key=lambda argument: not argument.required)


def _json(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    options = [option for option in get_args(annotation) if option is not type(None)]
    if options and get_origin(annotation) is not dict:
        return _type(options[0])
    names = {"str": "text", "int": "number", "float": "number", "bool": "true or false", "Path": "path"}
    return names.get(getattr(annotation, "__name__", ""), "JSON")


def _meaning(kind: str, name: str) -> str:
    own = MEANINGS.get(kind, {}).get(name) or SHARED.get(name)
    return own or next((text for verb in VERBS[kind] if (text := _helps(verb).get(name))), "")


def _helps(verb: str) -> dict[str, str]:
    function = getattr(import_module(f"tritext.commands.{verb}"), verb)
    parameters = inspect.signature(function).parameters.values()
    return {name: " ".join(text.split()) for each in parameters for name, text in _help(each)}


def _help(parameter: inspect.Parameter) -> Iterator[tuple[str, str]]:
    for info in get_args(parameter.annotation)[1:]:
        if isinstance(info, ParameterInfo) and info.help:
            yield parameter.name, info.help
