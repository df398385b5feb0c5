"""Letting a server finish what it has begun: no new connections, every request answered, within a limit of time.

Triton's own way out waits for every idle connection to close first, which a client with a connection pool never does.
"""

import time
from collections.abc import Set as AbstractSet

from tritext_serving.control import Control
from tritext_serving.errors import Refused, Unreachable
from tritext_serving.process import TritonProcess
from tritext_serving.repository import Repository

IN_USE = {"READY", "UNLOADING"}
FLUSH = 0.05
"""Seconds for the last answers to leave the server after their models have given them."""


def drain(process: TritonProcess, control: Control, repository: Repository, *, seconds: float) -> bool:
    """Whether all requests in flight were answered within `seconds`."""
    deadline = time.monotonic() + seconds
    models = repository.models.values()
    try:
        with control.kept_open() as connected:
            process.refuse_new()
            # Steps are left alone: they have nothing to do once their ensembles are through, and take seconds to unload.
            steps = {step for model in models for step in model.steps}
            finished = _unload(connected, {model.name for model in models} - steps, deadline)
    except Unreachable:
        return False
    time.sleep(FLUSH)
    return finished


def _unload(control: Control, leaving: AbstractSet[str], deadline: float) -> bool:
    for name in leaving:
        _unload_one(control, name)
    while any(state.name in leaving and state.state in IN_USE for state in control.index()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _unload_one(control: Control, name: str) -> None:
    try:
        control.unload(name)
    except Refused:
        # A model that never became ready has nothing to finish.
        return
