"""The tables: jobs, and the reports that come of them. Knows their columns and no statement."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Double,
    Float,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

QUEUED, RUNNING, WAITING = "queued", "running", "waiting"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
UNFINISHED = (QUEUED, RUNNING, WAITING)
"""A waiting job's parts are jobs of their own; it keeps no worker, and is queued again when they are done."""

ID = String(155)
"""As long as Celery's own column for task ids."""


class Base(DeclarativeBase):
    """Names of constraints are fixed, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Job(Base):
    """One job; the claim that a worker has on it is a token, renewed by a heartbeat of the database's own clock."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_state_created", "state", "created"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    """The Celery task's, too."""
    kind: Mapped[str] = mapped_column(String(32))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16), default=QUEUED)
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    """From 0 to 1."""
    message: Mapped[str] = mapped_column(Text, default="")
    """What it is doing; of a failed one, why."""
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    heartbeat: Mapped[float | None] = mapped_column(Double)
    """Seconds since 1970."""
    rung: Mapped[float | None] = mapped_column(Double)
    """When workers were last told, in the same seconds."""
    worker: Mapped[str] = mapped_column(String(255), default="")
    claim: Mapped[str] = mapped_column(String(32), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    cancel: Mapped[bool] = mapped_column(default=False)
    """Whether its worker is to stop."""
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("job.id"), index=True)
    part: Mapped[int] = mapped_column(default=0)
    """Its place among its parent's parts, from 1 on."""


class ModelReport(Base):
    """A model from its training on: `state` is the last thing that was done with it."""

    __tablename__ = "model_report"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("job.id"), index=True)
    run: Mapped[str | None] = mapped_column(String(64), unique=True)
    """MLflow's."""
    name: Mapped[str | None] = mapped_column(String(255))
    version: Mapped[int | None]
    """The registry's and Triton's."""
    task: Mapped[str] = mapped_column(String(64), default="")
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    sizes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    metrics: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Overall, by who measured: `validation` and `test` by training, `gates` by the build, `served` through Triton."""
    state: Mapped[str] = mapped_column(String(16))
    """trained, registered, built, evaluated."""
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class EvalReport(Base):
    """A label's figures in one evaluation through the server."""

    __tablename__ = "eval_report"
    __table_args__ = (UniqueConstraint("job_id", "label"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"))
    model_report_id: Mapped[int] = mapped_column(ForeignKey("model_report.id"), index=True)
    label: Mapped[str] = mapped_column(Text)
    precision: Mapped[float]
    recall: Mapped[float]
    f1: Mapped[float]
    support: Mapped[int]


class FalsePrediction(Base):
    """A text that the served model got wrong, with the score of what it said."""

    __tablename__ = "false_prediction"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"), index=True)
    model_report_id: Mapped[int] = mapped_column(ForeignKey("model_report.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    expected: Mapped[str] = mapped_column(Text)
    predicted: Mapped[str] = mapped_column(Text)
    score: Mapped[float]
