"""The page of one version: every section's content, gathered from the evidence about it."""

from datetime import datetime, timezone
from typing import Any

from tritext_perf.version_report import (
    figures,
    gates,
    headline,
    latency,
    mistakes,
    page,
    provenance,
    served,
    training,
)
from tritext_perf.version_report.errors import StrangeDocument
from tritext_perf.version_report.evidence import Evidence
from tritext_perf.version_report.missing import missing

SECTIONS = (
    ("gates", "Gates"),
    ("served", "Served evaluation"),
    ("false-predictions", "False predictions"),
    ("latency", "Speed"),
    ("training", "Training"),
    ("provenance", "Provenance"),
)


def html(evidence: Evidence) -> str:
    """The report as one HTML document.

    Raises:
        StrangeDocument: A document has the right keys and something else behind them.
    """
    try:
        return page.rendered("version.html", _content(evidence))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        expected = f"figures as Tritext writes them ({type(error).__name__}: {error})"
        raise StrangeDocument(document=f"A document about {evidence.title}", expected=expected) from error


def _content(evidence: Evidence) -> dict[str, Any]:
    labels, labels_of = served.label_rows(evidence)
    return {
        "evidence": evidence,
        "manifest": evidence.manifest,
        "training": evidence.training,
        "badge": headline.badge(evidence),
        "tiles": headline.tiles(evidence),
        "sections": SECTIONS,
        "missing": missing(evidence),
        "labels": labels,
        "labels_of": labels_of,
        "provenance": provenance.facts(evidence),
        "files": provenance.files(evidence),
        "written": figures.moment(datetime.now(timezone.utc).isoformat()),
        **(_of_build(evidence) if evidence.manifest else {}),
        **(_of_evaluation(evidence) if evidence.evaluation else {}),
        **(_of_mistakes(evidence) if evidence.false_predictions else {}),
        **(_of_bench(evidence) if evidence.bench else {}),
        **(_of_training(evidence) if evidence.training else {}),
    }


def _of_build(evidence: Evidence) -> dict[str, Any]:
    assert evidence.manifest is not None  # noqa: S101 - asked before
    return {"gates": gates.gate_rows(evidence.manifest), "tried": gates.tried_rows(evidence.manifest)}


def _of_evaluation(evidence: Evidence) -> dict[str, Any]:
    assert evidence.evaluation is not None  # noqa: S101 - asked before
    evaluation = evidence.evaluation
    return {"overall": served.overall_rows(evaluation), "agreement": served.agreement(evaluation)}


def _of_mistakes(evidence: Evidence) -> dict[str, Any]:
    found = evidence.false_predictions
    assert found is not None  # noqa: S101 - asked before
    return {
        "columns": mistakes.columns(found),
        "mistakes": found.rows[: mistakes.MOST_SHOWN],
        "of_mistakes": len(found.rows),
        "confusions": mistakes.confusions(found),
        "choices": mistakes.choices(found),
    }


def _of_bench(evidence: Evidence) -> dict[str, Any]:
    assert evidence.bench is not None  # noqa: S101 - asked before
    loads = latency.loads(evidence.bench)
    return {
        "loads": loads,
        "stays": next((load.stays for load in loads if load.stays), ()),
        "unsteady": ", ".join(load.name for load in loads if not load.steady),
    }


def _of_training(evidence: Evidence) -> dict[str, Any]:
    found = evidence.training
    assert found is not None  # noqa: S101 - asked before
    return {
        "story": training.story(found),
        "charts": training.curves(found),
        "leaks": training.leaks(found),
        "splits": training.splits(found),
        "options": training.options(found),
        "environment": training.environment(found),
        "trained_figures": training.figures_of(found),
    }
