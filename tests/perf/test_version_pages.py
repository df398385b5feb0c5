"""What a browser makes of the pages: nothing is asked for, nothing is wider than a phone, and the script does its work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.perf import version_evidence as made
from tests.perf.test_version_comparison import changes, row
from tests.support.browser import Page, opened, program
from tritext_perf.version_report import comparison, gather, html, write

PHONE, DESKTOP = 375, 1200


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path = program()
    if path is None:
        pytest.skip("NO BROWSER: the pages are not opened; install Debian's package chromium")
    with opened(path, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    checkpoint = made.write_checkpoint(folder / "mails")
    made.write_version(folder / "repository", 2, checkpoint)
    evaluation = made.write_json(folder / "evaluation.json", made.evaluation())
    bench = made.write_json(folder / "bench.json", made.bench())
    write(
        html(gather("mails", models=folder / "repository", evaluation=evaluation, bench=bench)),
        folder / "version.html",
    )
    return folder / "version.html"


@pytest.fixture(scope="module")
def bare(version: Path) -> Path:
    path = version.with_name("bare.html")
    write(html(gather(str(version.parent / "mails"), models=version.parent / "none")), path)
    return path


@pytest.fixture(scope="module")
def compared(version: Path) -> Path:
    path = version.with_name("compared.html")
    rows = [
        row("a", "a", "b" if place % 2 else "a", text=text)
        for place, text in enumerate(made.HOSTILE.values())
    ]
    write(comparison.html(changes(*rows)), path)
    return path


@pytest.mark.parametrize("name", ["version", "bare", "compared"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_a_page_fits_its_window_and_asks_for_nothing(
    browser: Page, request: pytest.FixtureRequest, name: str, width: int
) -> None:
    path: Path = request.getfixturevalue(name)
    browser.open(path, width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert {url for url in browser.requests if not url.startswith("data:")} == {path.as_uri()}
    assert browser.complaints == []


def test_a_page_follows_light_and_dark(browser: Page, version: Path) -> None:
    colours = []
    for dark in (False, True):
        browser.open(version, width=PHONE, dark=dark)
        colours.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(18, 23, 29)"]


def test_false_predictions_are_filtered_and_sorted(browser: Page, version: Path) -> None:
    """By words in any column, by a label, and by a click on a heading; the choices of a row's labels are those that are."""
    browser.open(version, width=DESKTOP)
    shown = "[...document.querySelectorAll('#rows tbody tr')].filter(row => !row.hidden).length"
    search = "document.querySelector('form.tools input')"
    total = len(made.HOSTILE)
    assert browser.evaluate(shown) == total
    browser.evaluate(
        f"{search}.value = 'PAKET 😡'; {search}.dispatchEvent(new Event('input', {{bubbles: true}}))"
    )
    assert browser.evaluate(shown) == 1
    browser.evaluate("document.querySelector('a[data-table=rows]').click()")
    assert browser.evaluate(shown) == total
    browser.evaluate("document.querySelector('#rows th button').click()")
    first = "document.querySelector('#rows tbody tr').cells[0].textContent"
    assert browser.evaluate(first) == browser.evaluate(
        "[...document.querySelectorAll('#rows tbody tr')].map(row => row.cells[0].textContent)"
        ".sort((a, b) => a.trim().localeCompare(b.trim()))[0]"
    )


def test_texts_of_users_make_no_element_and_run_nothing(browser: Page, version: Path) -> None:
    """Their script tags and quotes are text in the page that the browser built, too."""
    browser.open(version, width=DESKTOP)
    assert browser.evaluate("document.scripts.length") == 1
    assert browser.evaluate("document.querySelectorAll('img, [onmouseover], [onerror]').length") == 0
