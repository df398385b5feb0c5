"""What the images promise, as far as their recipes tell."""

import re
from pathlib import Path

import pytest

from tests.deploy.programs import ROOT

RECIPES = sorted((ROOT / "docker").glob("*.Dockerfile"))


@pytest.fixture(params=RECIPES, ids=lambda path: path.name)
def recipe(request: pytest.FixtureRequest) -> str:
    text: str = request.param.read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def test_every_image_installs_from_the_one_lock(recipe: str) -> None:
    """Training and serving cannot drift apart."""
    installs = recipe.replace("\\\n", " ").split("pip install")[1:]
    assert installs
    assert all("--constraint requirements.lock" in install.split("&&")[0] for install in installs)


def test_no_image_runs_as_root(recipe: str) -> None:
    assert re.findall(r"^USER (.*)$", recipe, re.MULTILINE)[-1] == "1000:1000"


def test_every_image_says_what_it_is_and_whether_it_is_well(recipe: str) -> None:
    assert "org.opencontainers.image.title" in recipe
    assert "org.opencontainers.image.licenses" in recipe
    assert "HEALTHCHECK" in recipe


def test_no_secret_goes_into_a_build(recipe: str) -> None:
    arguments = re.findall(r"^(?:ARG|ENV) (.*)$", recipe, re.MULTILINE)
    assert not [each for each in arguments if re.search(r"key|password|token|secret", each, re.IGNORECASE)]


def test_packages_that_are_left_out_of_an_image_are_there_as_empty_folders(recipe: str) -> None:
    """The wheel lists all parts; one that is added must be added here."""
    packages = re.findall(
        r'^  "(\w+/tritext\w*)",$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert packages
    copied = re.findall(r"^COPY (\w+) \1$", recipe, re.MULTILINE)
    for package in packages:
        assert Path(package).parts[0] in copied or package in recipe, package
