"""`tritext worker`: Celery hears of jobs, threads supervise their processes. Never imports torch, transformers or MLflow."""

import signal
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from celery import Celery, Task
from celery.exceptions import CPendingDeprecationWarning, Ignore, Reject
from celery.platforms import SecurityWarning
from celery.signals import worker_ready, worker_shutting_down
from celery.worker import state
from rich.markup import escape

from tritext.console import err
from tritext.errors import TritextError
from tritext_jobs.arguments import KINDS, checked, settled
from tritext_jobs.bell import Bell, TaskFailed
from tritext_jobs.errors import BrokerUnreachable, DatabaseUnreachable, MalformedArguments
from tritext_jobs.rounds import Rounds
from tritext_jobs.settings import Settings
from tritext_jobs.store import Store
from tritext_jobs.supervisor import Ended, Supervisor
from tritext_jobs.wholes import Wanted

SECONDS_AGAIN = 2.0

LOOK_SECONDS = 0.25
"""Between two looks whether a message may be taken: Celery's loop would sleep for seconds after a job's end."""


def work(settings: Settings, *, concurrency: int) -> None:
    """Do jobs until SIGTERM or Ctrl+C; those that run then go back into the queue.

    Raises:
        DatabaseUnreachable, BrokerUnreachable: At the start; later both are waited for.
    """
    store, bell = Store(settings), Bell(settings)
    bell.check()
    supervisor = Supervisor(settings, store, bell.show_progress)
    register(bell.app, Desk(store, bell, supervisor))
    rounds = Rounds(settings, store, bell, free=lambda: concurrency - supervisor.busy)
    worker = _celerys(bell, f"tritext@{supervisor.name}", concurrency=concurrency)

    def stop(**_: Any) -> None:
        if not supervisor.stopping.is_set():
            _say("Stopping: jobs that run go back into the queue.")
        rounds.stop()
        supervisor.stopping.set()

    def asked_to_stop(*_: Any) -> None:
        stop()
        state.should_stop = 0

    def ready(sender: Any, **_: Any) -> None:
        # Celery's own handlers would wait for running jobs to end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, asked_to_stop)
        _say(f"Ready for {', '.join(KINDS)}; {concurrency} at once. Ctrl+C stops.")
        _keep_awake(sender)
        rounds.start()

    worker_shutting_down.connect(stop)
    worker_ready.connect(ready)
    _say(f"Database: {settings.shown_database}")
    _say(f"Broker:   {settings.shown_broker}")
    try:
        worker.start()
    finally:
        stop()
    _say("Stopped.")


def _celerys(bell: Bell, name: str, *, concurrency: int) -> Any:
    """Celery's own worker, silent but for errors."""
    # Of root, who may run it, since messages are JSON, which cannot carry code; and of jobs that outlive a lost broker.
    for harmless in (SecurityWarning, CPendingDeprecationWarning):
        warnings.simplefilter("ignore", harmless)
    return bell.app.Worker(
        pool="threads",
        concurrency=concurrency,
        loglevel="ERROR",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        hostname=name,
    )


def _keep_awake(consumer: Any) -> None:
    """Let Celery's loop look for messages often.

    With Redis it asks for one at the start of a turn only, and no turn begins when a thread has done its job.
    Its timers are gone when the broker was lost; its consumer is ready anew then.
    """
    if consumer.hub:
        consumer.hub.call_repeatedly(LOOK_SECONDS, lambda: None)


def register(app: Celery, desk: "Desk") -> None:
    """Let the application's workers do our tasks."""
    for kind in KINDS:
        app.task(desk.task(kind), name=f"tritext.{kind}", bind=True, throws=(TaskFailed,), typing=False)


class Desk:
    """Where messages come in; what they say is checked, kept, and done if nobody does it."""

    def __init__(self, store: Store, bell: Bell, supervisor: Supervisor) -> None:
        self._store, self._bell, self._supervisor = store, bell, supervisor

    def task(self, kind: str) -> Any:
        """Celery's function for a kind."""

        def run(task: Task, *positional: Any, **arguments: Any) -> Any:
            try:
                return self._take(task.request.id, kind, positional, arguments)
            except DatabaseUnreachable as error:
                _say(f"{error}")
                threading.Event().wait(SECONDS_AGAIN)
                raise Reject(str(error), requeue=True) from error

        return run

    def _take(self, job_id: str, kind: str, positional: Any, arguments: Mapping[str, Any]) -> Any:
        if self._supervisor.stopping.is_set():
            raise Reject("stopping", requeue=True)
        self._keep(job_id, kind, positional, arguments)
        ended = self._supervisor.run(job_id)
        job = self._store.find(job_id)
        if ended is not Ended.NOTHING:
            _say(f"{job.kind} {job_id[:8]} {ended.value}" + (f": {job.message}" if job.message else ""))
            self._follow(ended, job.parent_id)
        if ended is Ended.FAILED:
            raise TaskFailed(job.message)
        if ended is Ended.SUCCEEDED:
            return job.result
        if ended is Ended.CANCELLED:
            self._bell.show(job)
        raise Ignore

    def _keep(self, job_id: str, kind: str, positional: Any, arguments: Mapping[str, Any]) -> None:
        """Let a message that came without a row have one."""
        if self._store.knows(job_id):
            return
        try:
            if positional:
                raise MalformedArguments(kind=kind, problems=["they have no names"])
            wanted = Wanted(id=job_id, kind=kind, arguments=settled(checked(kind, arguments), Path.cwd()))
        except TritextError as error:
            self._store.add(Wanted(id=job_id, kind=kind, arguments=arguments), problem=str(error))
            raise TaskFailed(str(error)) from error
        self._store.add(wanted)

    def _follow(self, ended: Ended, parent_id: str | None) -> None:
        """Tell of what has become possible, and show what has become of a whole."""
        try:
            self._bell.ring(self._store.untold())
            if parent_id and ended in {Ended.FAILED, Ended.CANCELLED}:
                self._bell.show(self._store.find(parent_id))
        except BrokerUnreachable as error:
            _say(str(error))  # the next round tells again


def _say(line: str) -> None:
    err.print(f"[dim]tritext:[/] {escape(line)}", highlight=False, soft_wrap=True)
