"""Where jobs are kept and how workers hear of them: two addresses from the environment, else one folder. Opens nothing."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tritext_jobs.errors import BadSetting

DATABASE, BROKER = "TRITEXT_DATABASE_URL", "TRITEXT_BROKER_URL"
STALE_AFTER, QUEUE = "TRITEXT_STALE_AFTER", "TRITEXT_QUEUE"

DATABASES = ("sqlite", "postgresql")
BROKERS = ("redis", "rediss", "amqp", "amqps", "filesystem")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all commands and workers of one queue must agree on.

    Attributes:
        database: SQLAlchemy's URL.
        broker: Kombu's URL; `filesystem://` means messages in `folder`.
        folder: For whatever has no other place: database, messages, logs, checkpoints.
        queue: The broker's queue; Celery's own default, so that a plain `send_task` reaches it.
        stale_after: Seconds without a sign of life after which a running job's worker counts as dead.
    """

    database: str
    broker: str
    folder: Path
    queue: str = "celery"
    stale_after: float = 15.0

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """What the environment says.

        Raises:
            BadSetting: A variable of it cannot be used.
        """
        folder = Path("jobs").absolute()
        return cls(
            database=_database(environment.get(DATABASE) or f"sqlite:///{folder / 'jobs.db'}"),
            broker=_known(BROKER, environment.get(BROKER) or "filesystem://localhost/", BROKERS),
            folder=folder,
            queue=environment.get(QUEUE) or "celery",
            stale_after=_seconds(environment.get(STALE_AFTER) or "15"),
        )

    @property
    def is_embedded(self) -> bool:
        """Whether messages are files of this machine."""
        return urlsplit(self.broker).scheme == "filesystem"

    @property
    def messages(self) -> Path:
        """The folder of the embedded broker."""
        return self.folder / "broker"

    def log(self, job_id: str) -> Path:
        """What a job's process writes for people."""
        return self.folder / "logs" / f"{job_id}.log"

    @property
    def shown_database(self) -> str:
        return shown(self.database)

    @property
    def shown_broker(self) -> str:
        return f"files in {self.messages}" if self.is_embedded else shown(self.broker)


def shown(url: str) -> str:
    """The address without name, password and options, fit for any log."""
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    if scheme == "sqlite":
        return url
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _database(url: str) -> str:
    scheme, colon, rest = _known(
        DATABASE, url.replace("postgres://", "postgresql://", 1), DATABASES
    ).partition(":")
    return f"postgresql+psycopg:{rest}" if scheme == "postgresql" else scheme + colon + rest


def _known(variable: str, url: str, schemes: tuple[str, ...]) -> str:
    scheme, separator, rest = url.partition("://")
    wants_host = scheme.partition("+")[0] not in {"sqlite", "filesystem"}
    try:
        host = urlsplit(url).hostname if urlsplit(url).port != 0 else None
    except ValueError:
        host = None
    if not separator or scheme.partition("+")[0] not in schemes or (wants_host and not (rest and host)):
        raise BadSetting(
            variable=variable, value=shown(url) if separator else scheme, expected=_example(variable)
        )
    return url


def _example(variable: str) -> str:
    if variable == DATABASE:
        return "postgresql://user:password@host:5432/database or sqlite:////absolute/path.db"
    return "redis://host:6379/0 or amqp://user:password@host:5672//"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:  # noqa: PLR2004
        raise BadSetting(variable=STALE_AFTER, value=text, expected="seconds, from 1 to 3600")
    return seconds
