"""A rollout as a person sees it: what is being done on which server, then a line each; or one JSON document for programs."""

from rich.markup import escape

from tritext.console import err, out, print_json
from tritext_serving.rollouts.errors import TooManyChanged
from tritext_serving.rollouts.several import Order, Outcome, roll

EXAMPLES = 3


def run(order: Order, *, as_json: bool) -> None:
    """Roll out and tell; errors are raised, after what speaks against the version has been shown."""
    try:
        with err.status("…") as spinner:

            def tell(url: str, what: str) -> None:
                spinner.update(f"{escape(url)}: {escape(what)} …")
                if not err.is_terminal:
                    err.print(f"{url}: {what}", markup=False, highlight=False, soft_wrap=True)

            outcomes = roll(order, tell)
    except TooManyChanged as error:
        if as_json:
            print_json({"servers": [], "refused": error.comparison})
        else:
            _show_comparison(dict(error.comparison))
        raise
    if as_json:
        print_json({"servers": [outcome.as_dict() for outcome in outcomes]})
        return
    for outcome in outcomes:
        _show(outcome)


def _show(outcome: Outcome) -> None:
    if outcome.comparison:
        _show_comparison(outcome.comparison.summary())
    before = f", was version {outcome.before}" if outcome.before != outcome.live and outcome.before else ""
    back = (
        f" Back to {outcome.rollback_to[-1]} with: tritext rollback {outcome.name}"
        if outcome.rollback_to
        else ""
    )
    out.print(
        f"[bold green]Live:[/] {escape(outcome.name)} version {outcome.live} at {escape(outcome.url)}{before}.{escape(back)}",
        highlight=False,
        soft_wrap=True,
    )


def _show_comparison(summary: dict[str, object]) -> None:
    counts = f"Of {summary['texts']} texts, {summary['changed']} are answered differently"
    largest = f"the largest change of a score is {summary['largest_score_change']:.3f}"
    lines = [f"{counts} ({summary['changed_share']:.1%}); {largest}."]
    for title, key in (("changed", "changed_answers"), ("score", "largest_score_changes")):
        rows = summary[key]
        assert isinstance(rows, list)  # noqa: S101 - a summary's
        lines += [f"  {title}: {row['asked']}: {row['old']} → {row['new']}" for row in rows[:EXAMPLES]]
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
