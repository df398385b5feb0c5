"""The command that makes the parity table: `python -m tests.parity [--task …] [--family …] [--format …]`."""

import argparse
import os
import sys
from datetime import datetime
from itertools import islice
from pathlib import Path

from tests.parity.cases import CASES
from tests.parity.corpus import DATA, corpus_from
from tests.parity.measuring import FORMATS, key_of, measure
from tests.parity.page import render
from tests.parity.results import Results, circumstances
from tests.parity.subjects import MINILM, Subject, subjects
from tests.support.families import FAMILIES
from tritext.console import err, progress
from tritext_build import formats

ROOT = Path(__file__).parents[2]

AT_ONCE = 4
"""Subjects in one server, each in every format: as many as fit into a small machine's memory."""


def main() -> int:
    asked = _arguments()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    corpus = corpus_from(asked.data)
    results = Results(asked.results)
    wanted = _wanted(asked, results)
    if wanted:
        results.facts = circumstances(corpus.name)
    count = sum(len(forms) for _, forms in wanted)
    with progress() as bar:
        line = bar.add_task("", total=count)
        rest = iter(wanted)
        while some := list(islice(rest, AT_ONCE)):
            for cell in measure(
                some, corpus, data=asked.data, tell=lambda what: bar.update(line, description=what)
            ):
                results.keep(cell)
                asked.page.write_text(render(results.facts, results.cells), encoding="utf-8")
                bar.update(line, advance=1)
                if not cell.passed:
                    err.print(f"{cell.key} fails: {cell.reason or cell.tally}", markup=False)
    asked.page.write_text(render(results.facts, results.cells), encoding="utf-8")
    failed = [key for key, cell in results.cells.items() if not cell["passed"]]
    err.print(
        f"{len(results.cells)} cells in {asked.results}, {len(failed)} of them fail. Page: {asked.page}"
    )
    return 1 if failed else 0


def _wanted(asked: argparse.Namespace, results: Results) -> list[tuple[Subject, tuple[str, ...]]]:
    """What is asked for and not done, subject by subject."""
    found = []
    for subject in subjects(tasks=tuple(asked.task), families=tuple(asked.family)):
        forms = [
            form
            for form in asked.format or FORMATS
            if asked.fresh or not results.is_done(key_of(subject, form))
        ]
        if forms:
            found.append((subject, tuple(forms)))
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    tasks = sorted({*CASES, *(case.task for case in CASES.values())})
    parser.add_argument(
        "--task", action="append", default=[], choices=tasks, help="only this one; may be repeated"
    )
    parser.add_argument(
        "--family", action="append", default=[], choices=[*FAMILIES, MINILM], help="only this one"
    )
    parser.add_argument(
        "--format", action="append", default=[], choices=tuple(formats.FORMATS), help="only this one"
    )
    parser.add_argument("--fresh", action="store_true", help="make cells again that are done")
    parser.add_argument("--data", type=Path, default=DATA, help="a folder with blns/, tatoeba/ and vocabs/")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "parity.md")
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    parser.add_argument("--results", type=Path, default=ROOT / "perf" / "results" / today / "parity.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
