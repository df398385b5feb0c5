"""Submitting: words from a command line or a program become a job in SQL and a message. Nothing is kept of what is refused."""

import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tritext_jobs.arguments import checked, settled
from tritext_jobs.bell import Bell
from tritext_jobs.errors import BrokerUnreachable, GivenTwice, NotKeyValue
from tritext_jobs.store import Store
from tritext_jobs.wholes import Wanted


def words(given: Iterable[str]) -> dict[str, str]:
    """NAME=VALUE each; an empty value leaves the argument at its default.

    Raises:
        NotKeyValue, GivenTwice: Words that say something else.
    """
    found: dict[str, str] = {}
    for word in given:
        name, sign, value = word.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        if not sign or not name:
            raise NotKeyValue(word)
        if name in found:
            raise GivenTwice(name)
        found[name] = value
    return {name: value for name, value in found.items() if value}


def wanted(kind: str, arguments: Mapping[str, Any]) -> Wanted:
    """A new job, its arguments checked, its paths those of this folder.

    Raises:
        TritextError: The kind or an argument is not usable.
    """
    return Wanted(id=str(uuid.uuid4()), kind=kind, arguments=settled(checked(kind, arguments), Path.cwd()))


def submit(store: Store, bell: Bell, job: Wanted) -> None:
    """Keep the job and tell workers of it, or neither.

    Raises:
        BrokerUnreachable: Workers cannot be told.
        DatabaseUnreachable: It cannot be kept.
    """
    bell.check()
    store.add(job)
    try:
        bell.ring([job])
    except BrokerUnreachable:
        store.forget(job.id)
        raise


def submit_here(store: Store, job: Wanted) -> tuple[str, bool]:
    """Keep the job for this process to do, or take up the same one that an earlier such command left unfinished.

    Returns:
        Its id, and whether it was there.
    """
    if earlier := store.unfinished_like(job.kind, job.arguments):
        return earlier.id, True
    store.add(job)
    return job.id, False
