"""Telling workers: Celery's application, its broker and its states. What is told stands in SQL already; a lost message is told again."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from celery import Celery, states
from kombu.exceptions import OperationalError
from kombu.utils.url import maybe_sanitize_url
from sqlalchemy.exc import SQLAlchemyError

from tritext_jobs.database import BUSY_SECONDS
from tritext_jobs.errors import BrokerUnreachable
from tritext_jobs.settings import Settings
from tritext_jobs.tables import CANCELLED, FAILED, RUNNING, SUCCEEDED, Job
from tritext_jobs.wholes import Wanted

CONNECT_SECONDS = 4
POLL_SECONDS = 0.25
"""Between two looks into the embedded broker's folder."""

PROGRESS = "PROGRESS"
"""Celery's custom state while a job runs; its meta are `progress` from 0 to 1 and `message`."""

STATES = {SUCCEEDED: states.SUCCESS, FAILED: states.FAILURE, CANCELLED: states.REVOKED}


class TaskFailed(Exception):
    """A job's sentence as Celery keeps it; made of one string, as Celery makes it anew."""


def application(settings: Settings) -> Celery:
    """Celery's application for these addresses, without tasks; it connects to nothing yet."""
    app = Celery("tritext", broker=settings.broker, backend=f"db+{settings.database}", set_as_current=False)
    app.conf.update(
        broker_connection_timeout=CONNECT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport(settings),
        database_engine_options=_engine(settings),
        result_extended=True,
        result_expires=None,
        task_acks_late=True,
        task_default_queue=settings.queue,
        task_serializer="json",
        accept_content=["json"],
        result_serializer="json",
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=not settings.is_embedded,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=not settings.is_embedded,
        timezone="UTC",
    )
    if settings.is_embedded:
        app.conf.broker_transport = "tritext_jobs.folder_broker:Transport"
    return app


def _transport(settings: Settings) -> dict[str, Any]:
    if settings.is_embedded:
        folder = str(settings.messages)
        control = str(settings.messages / "control")
        return {
            "data_folder_in": folder,
            "data_folder_out": folder,
            "control_folder": control,
            "polling_interval": POLL_SECONDS,
        }
    if settings.broker.startswith("redis"):
        return {
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_keepalive": True,
            "visibility_timeout": 12 * 3600,
        }
    return {}


def _engine(settings: Settings) -> dict[str, Any]:
    if settings.database.startswith("sqlite"):
        return {"connect_args": {"timeout": BUSY_SECONDS}}
    return {"connect_args": {"connect_timeout": CONNECT_SECONDS}, "pool_pre_ping": True}


class Bell:
    """The way to the workers."""

    def __init__(self, settings: Settings) -> None:
        self.app = application(settings)
        self._settings = settings
        if settings.is_embedded:
            (settings.messages / "control").mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        """Raise BrokerUnreachable if the broker does not answer within seconds."""
        limits = {**self.app.conf.broker_transport_options, "socket_timeout": CONNECT_SECONDS}
        connection = self.app.connection_for_write()
        connection.transport_options = limits
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
            connection.default_channel.close()
        except (
            OperationalError,
            OSError,
            *connection.connection_errors,
            *connection.channel_errors,
        ) as error:
            raise BrokerUnreachable(url=self._settings.shown_broker, reason=_reason(error)) from error
        finally:
            connection.release()

    def ring(self, jobs: Iterable[Wanted]) -> None:
        """Send a message for each job.

        Raises:
            BrokerUnreachable: It is away.
        """
        try:
            for job in jobs:
                self.app.send_task(
                    f"tritext.{job.kind}", kwargs=dict(job.arguments), task_id=job.id, retry=False
                )
        except (OperationalError, OSError) as error:
            raise BrokerUnreachable(url=self._settings.shown_broker, reason=_reason(error)) from error

    def show(self, job: Job) -> None:
        """Let Celery's state of the task be the job's."""
        if job.state == RUNNING:
            self.show_progress(job.id, job.progress, job.message)
        elif job.state in STATES:
            failed = job.state == FAILED
            self._store(job.id, TaskFailed(job.message) if failed else job.result, STATES[job.state])

    def show_progress(self, job_id: str, progress: float, message: str) -> None:
        self._store(job_id, {"progress": round(progress, 4), "message": message}, PROGRESS)

    def _store(self, job_id: str, result: Any, state: str) -> None:
        # Celery's own table is a copy for its clients; the truth is in ours.
        with suppress(SQLAlchemyError):
            self.app.backend.store_result(job_id, result, state)


def _reason(error: BaseException) -> str:
    text = maybe_sanitize_url(str(error).strip()).splitlines()
    return (text[0] if text else type(error).__name__).rstrip(".")
