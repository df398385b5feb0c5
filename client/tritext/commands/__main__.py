"""Print docs/commands.md: every verb with its options, from the same declarations that make its --help."""

import inspect
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from tritext.cli import app
from tritext.commands import VERBS


def page() -> str:
    """The page as Markdown."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101 - typer makes a group of several commands
    sections = [_section(verb, group.commands[verb]) for verb in VERBS]
    return "\n".join(["# Commands", "", "Written from the commands' own help by `make docs`.", "", *sections])


def _section(verb: str, command: Any) -> str:
    assert isinstance(command, TyperCommand)  # noqa: S101 - as above
    lines = [f"## tritext {verb}", "", inspect.cleandoc(command.help or ""), ""]
    lines += ["| | default | |", "|---|---|---|"]
    lines += [_row(parameter) for parameter in command.params]
    return "\n".join([*lines, ""])


def _row(parameter: Any) -> str:
    name = parameter.opts[0] if isinstance(parameter, TyperOption) else str(parameter.name).upper()
    shown = getattr(parameter.default, "value", parameter.default)
    is_given = shown is not None and not callable(shown) and shown is not False
    default = "required" if parameter.required else f"`{shown}`" if is_given else ""
    words = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    return f"| `{name}` | {default} | {words} |"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
