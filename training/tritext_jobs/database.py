"""The jobs' database: opened, brought up to date under a lock, and asked for the time. Knows no job."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Double, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from tritext_jobs.errors import DatabaseNewer, DatabaseUnreachable
from tritext_jobs.settings import Settings, shown

CONNECT_SECONDS = 4
BUSY_SECONDS = 30
"""How long SQLite waits for another process's write."""

LOCK = 0x7472_6974_6578_74
"""PostgreSQL's advisory lock around migrations: "tritext"."""

REVISIONS = "tritext_jobs_revision"


class clock(FunctionElement[float]):  # noqa: N801 - stands in statements as functions do
    """Seconds since 1970 by the database, so that workers' clocks need not agree."""

    type = Double()
    inherit_cache = True


@compiles(clock, "sqlite")
def _sqlite_clock(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(clock, "postgresql")
def _postgresql_clock(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def opened(settings: Settings) -> Engine:
    """The database, with its tables as this Tritext wants them; the embedded one is made if need be.

    Raises:
        DatabaseUnreachable: It cannot be reached, or not be written to.
        DatabaseNewer: A later Tritext made its tables.
    """
    with translated(settings.database):
        url = make_url(settings.database)
        if url.get_backend_name() == "sqlite":
            _make_folder(Path(url.database or ""), settings)
            engine = _sqlite(settings.database)
        else:
            options = {"connect_timeout": CONNECT_SECONDS, "application_name": "tritext"}
            engine = create_engine(url, connect_args=options, pool_pre_ping=True)
        _migrate(engine, settings)
    return engine


def revision(engine: Engine) -> str:
    """The step that the tables have come to."""
    with engine.connect() as connection:
        return str(connection.execute(text(f"SELECT version_num FROM {REVISIONS}")).scalar_one())  # noqa: S608


@contextmanager
def translated(url: str) -> Iterator[None]:
    """The boundary to the database: what keeps it from being used becomes one sentence, without its password."""
    try:
        yield
    except (DBAPIError, ArgumentError, SQLAlchemyError) as error:
        raise DatabaseUnreachable(url=shown(url), reason=_reason(error)) from error


def _reason(error: Exception) -> str:
    lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    reason = next((line for line in lines if line.strip()), "").strip().rstrip(".")
    return reason.rpartition("failed: ")[2] or reason


def _make_folder(path: Path, settings: Settings) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DatabaseUnreachable(url=settings.shown_database, reason=reason) from error


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    # Transactions begin as writers (https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-transactions): one that
    # read first could not become a writer while another writes.
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _migrate(engine: Engine, settings: Settings) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with _alone(engine):
        with engine.connect() as connection:
            there = inspect(connection).has_table(REVISIONS)
        if there and revision(engine) == newest:
            return
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise DatabaseNewer(url=settings.shown_database, found=_found(connection)) from error


def _found(connection: Connection) -> str:
    return str(connection.execute(text(f"SELECT version_num FROM {REVISIONS}")).scalar())  # noqa: S608


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """One process at a time looks at the tables and changes them."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
            try:
                yield
            finally:
                connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
        return
    path = Path(f"{engine.url.database}.lock")
    with suppress(OSError):  # a database that can only be read says so itself
        path.touch()
    descriptor = os.open(path if path.exists() else path.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
