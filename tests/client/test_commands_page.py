"""The page of all commands says what the commands say."""

from importlib.metadata import version
from pathlib import Path

from typer.testing import CliRunner

from tritext.cli import app
from tritext.commands.__main__ import page


def test_docs_commands_md_is_the_generated_page() -> None:
    written = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == page(), "run `make docs` and commit docs/commands.md"


def test_the_command_says_its_version() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert said.exit_code == 0
    assert said.output == f"tritext {version('tritext')}\n"
