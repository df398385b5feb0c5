"""Pages as one HTML file each: style and script inside, nothing from outside, every text of a user escaped.

The page's own policy allows this one script and no request; it refuses to know what the figures mean.
"""

import base64
import functools
import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tritext_perf.card import milliseconds
from tritext_perf.version_report import figures
from tritext_perf.version_report.errors import ReportUnwritable

SHOWN_CHARACTERS = 600
"""Of a text; how long it really is stands behind it."""


def rendered(template: str, content: Mapping[str, Any]) -> str:
    """The page that `templates/TEMPLATE` makes of the content."""
    return _environment().get_template(template).render(content)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tritext_perf.version_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    script = _source(environment, "page.js")
    environment.globals.update(
        style=Markup(_source(environment, "style.css")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=_content_hash(script),
    )
    environment.filters.update(
        breakable=breakable,
        probability=figures.probability,
        shortened=shortened,
        signed=figures.signed,
        number=figures.number,
        ms=milliseconds,
    )
    return environment


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None  # noqa: S101 - given above
    return environment.loader.get_source(environment, name)[0]


def _content_hash(script: str) -> str:
    """The script as a Content Security Policy names it: https://www.w3.org/TR/CSP3/#hash-source."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def shortened(text: str, most: int = SHOWN_CHARACTERS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def breakable(text: str) -> Markup:
    """The text, escaped, which may be broken behind underscores and slashes rather than anywhere."""
    return Markup(re.sub(r"([_/])(?=\w)", r"\1<wbr>", str(escape(text))))  # noqa: S704 - it is escaped here


def write(page: str, path: Path) -> None:
    """Put the page at `path`, whole or not at all; what was there before is replaced.

    Raises:
        ReportUnwritable: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".report-") as scratch:
            written = Path(scratch) / "page.html"
            written.write_text(page, encoding="utf-8", errors="replace")
            written.replace(path)
    except OSError as error:
        raise ReportUnwritable(path=path, reason=error.strerror or str(error)) from error
