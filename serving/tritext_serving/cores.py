"""How many processor cores this process may really use: affinity, cgroup limits and hyper-threading taken into account."""

import os
from pathlib import Path

TOPOLOGY = Path("/sys/devices/system/cpu")
CGROUP = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Physical cores that this process may use at once, at least 1.

    Two hardware threads of one core share its arithmetic units, so matrix products gain nothing from the second.
    """
    return max(1, min(_physical(os.sched_getaffinity(0)), _quota()))


def _physical(cpus: set[int]) -> int:
    return len({_siblings(cpu) for cpu in cpus})


def _siblings(cpu: int) -> str:
    try:
        return (TOPOLOGY / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota() -> int:
    """Whole cores that the cgroup grants (version 2, then 1); without a limit, all of the machine's."""
    limits = [limit for limit in (_quota_v2(), _quota_v1()) if limit is not None]
    return max(1, int(min(limits))) if limits else os.cpu_count() or 1


def _quota_v2() -> float | None:
    quota, _, period = _read(CGROUP / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() else None


def _quota_v1() -> float | None:
    quota, period = (_read(CGROUP / f"cpu/cpu.cfs_{name}_us") for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdecimal() else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
