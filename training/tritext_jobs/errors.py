"""What can go wrong with jobs, as one sentence each."""

from collections.abc import Iterable
from pathlib import Path

from tritext.errors import TritextError
from tritext.tables import BadRow


class JobsError(TritextError):
    """Base of what the queue has to say."""


class BadSetting(JobsError):
    """A variable of the environment cannot be used."""

    def __init__(self, *, variable: str, value: str, expected: str) -> None:
        super().__init__(f"{variable} is {value!r}: expected {expected}.")


class DatabaseUnreachable(JobsError):
    """Jobs cannot be kept."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(
            f"Cannot use the jobs' database at {url} ({reason}): start it, or set TRITEXT_DATABASE_URL; without that "
            "variable jobs are kept in ./jobs/jobs.db."
        )


class DatabaseNewer(JobsError):
    """The tables were made by a later Tritext."""

    def __init__(self, *, url: str, found: str) -> None:
        super().__init__(
            f"The jobs' database at {url} has tables of revision {found}, which this Tritext does not know: "
            "install the newer one that made them."
        )


class BrokerUnreachable(JobsError):
    """Workers cannot be told."""

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(
            f"Cannot reach the broker at {url} ({reason}): start it, or set TRITEXT_BROKER_URL; without that variable "
            "messages are files in ./jobs/broker."
        )


class UnknownKind(JobsError):
    """No job is of this kind."""

    def __init__(self, *, kind: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no job {kind!r}: expected one of {', '.join(known)}.")


class MalformedArguments(JobsError):
    """Arguments that no job of this kind can have."""

    def __init__(self, *, kind: str, problems: Iterable[str]) -> None:
        super().__init__(
            f"These are no arguments of {kind}: {'; '.join(problems)}. `tritext submit {kind} --help-arguments` lists "
            "them."
        )


class NotKeyValue(JobsError):
    """The command line gave something else."""

    def __init__(self, given: str) -> None:
        super().__init__(f"Arguments are given as NAME=VALUE, not as {given!r}.")


class GivenTwice(JobsError):
    """The command line gave an argument twice."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The argument {name!r} is given twice: leave one of them out.")


class NoSuchJob(JobsError):
    """An id that no job has."""

    def __init__(self, *, given: str, database: str) -> None:
        super().__init__(f"No job has the id {given!r} in {database}: `tritext jobs` lists them.")


class AmbiguousId(JobsError):
    """The beginning of several ids."""

    def __init__(self, *, given: str, ids: list[str]) -> None:
        shown = ", ".join(ids[:4]) + (", …" if len(ids) > 4 else "")  # noqa: PLR2004
        super().__init__(f"{given!r} is the beginning of {len(ids)} jobs' ids ({shown}): give more of it.")


class WantsId(JobsError):
    """An action on a job was asked for without the job."""

    def __init__(self, action: str) -> None:
        super().__init__(
            f"`tritext jobs {action}` wants a job's id, or the beginning of one: `tritext jobs` lists them."
        )


class WantsNoId(JobsError):
    """An id was given to what is about all jobs."""

    def __init__(self, action: str) -> None:
        super().__init__(f"`tritext jobs {action}` takes no id.")


class JobFailed(JobsError):
    """A job that somebody waited for has failed, with its own sentence."""

    exit_code = 1

    def __init__(self, *, kind: str, job_id: str, message: str) -> None:
        super().__init__(f"{kind} {job_id[:8]} failed: {message}")


class JobCancelled(JobsError):
    """A job that somebody waited for was cancelled."""

    exit_code = 1

    def __init__(self, *, kind: str, job_id: str) -> None:
        super().__init__(f"{kind} {job_id[:8]} was cancelled.")


class NotDoneInTime(JobsError):
    """Waiting had a limit."""

    exit_code = 4

    def __init__(self, *, kind: str, job_id: str, seconds: float, state: str) -> None:
        super().__init__(f"{kind} {job_id[:8]} is {state} after {seconds:g} s; it goes on.")


class OutputTaken(JobsError):
    """Somebody else's file is where a prediction should go."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists: give another output, or overwrite=true to replace it.")


class PredictionStopped(JobsError):
    """A row has no answer, or the server stayed away."""

    def __init__(self, reason: BaseException) -> None:
        remedy = (
            "keep_going=true notes such errors in a column"
            if isinstance(reason, BadRow)
            else "submit it again"
        )
        super().__init__(f"{str(reason).rstrip('.')}; no output was written: {remedy}.")


class VersionTaken(JobsError):
    """The version of a build was published by something else meanwhile."""

    def __init__(self, *, name: str, version: int, repository: Path) -> None:
        super().__init__(
            f"{name} version {version} is in {repository} already, made of another checkpoint or another way, and "
            "versions never change: leave the version out, or register a new one."
        )


class ModelNotThere(JobsError):
    """The repository has no such model to start a server for."""

    def __init__(self, *, name: str, version: str, repository: Path) -> None:
        which = f"{name} version {version}" if version else name
        super().__init__(
            f"There is no {which} in {repository}: build it first, or give the url of a server that has it."
        )
