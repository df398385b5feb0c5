"""Reports as rows: what a finished job says about a model and its evaluation, kept once. Knows no job's work.

A job's process hands them over as JSON: `model` (columns of `model_report`), `labels` and `false_predictions`.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from tritext_jobs.claims import now
from tritext_jobs.tables import EvalReport, FalsePrediction, ModelReport

MERGED = ("parameters", "sizes", "metrics")
"""Columns that grow from job to job; the others are replaced."""


def keep(session: Session, job_id: str, found: Mapping[str, Any]) -> None:
    """Write a job's reports, in the transaction that finishes it."""
    if not found.get("model"):
        return
    report = _model(session, job_id, found["model"])
    session.flush()
    own = {"job_id": job_id, "model_report_id": report.id}
    session.add_all(EvalReport(**own, **row) for row in found.get("labels", ()))
    session.add_all(FalsePrediction(**own, **row) for row in found.get("false_predictions", ()))


def _model(session: Session, job_id: str, model: Mapping[str, Any]) -> ModelReport:
    """The model's own row, told what is new."""
    report = _known(session, model)
    if report is None:
        report = ModelReport(job_id=job_id, created=now(), parameters={}, sizes={}, metrics={}, state="")
        session.add(report)
    for name, value in model.items():
        if name in MERGED:
            setattr(report, name, {**getattr(report, name), **value})
        elif value is not None:
            setattr(report, name, value)
    return report


def _known(session: Session, model: Mapping[str, Any]) -> ModelReport | None:
    ways = []
    if model.get("run"):
        ways.append(ModelReport.run == model["run"])
    if model.get("name") and model.get("version"):
        ways.append((ModelReport.name == model["name"]) & (ModelReport.version == model["version"]))
    return session.scalars(select(ModelReport).where(or_(*ways))).first() if ways else None
