"""The page of all commands says what the commands say."""

from pathlib import Path

from tritext.commands.__main__ import page


def test_docs_commands_md_is_the_generated_page() -> None:
    written = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == page(), "run `make docs` and commit docs/commands.md"
