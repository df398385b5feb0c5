"""Under which circumstances figures were taken: machine, versions, date. What cannot be found out is left out."""

import ipaddress
import os
import platform
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tritext.address import Address


def now() -> str:
    """Local time with its offset, ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def machine(address: Address) -> dict[str, Any]:
    """The machine that makes the load, and whether the server shares it."""
    return {**machine_here(), "server_is_local": _is_loopback(address)}


def machine_here() -> dict[str, Any]:
    """This machine."""
    facts = {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
        "gpus": _gpus(),
        "system": platform.platform(),
    }
    return {name: value for name, value in facts.items() if value not in (None, [])}


def tritext_version() -> str:
    try:
        return version("tritext")
    except PackageNotFoundError:
        return "unknown"


def _cpu() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or None


def _memory_gib() -> float | None:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    return round(total / 2**30, 1)


def _gpus() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return result.stdout.strip().splitlines() if result.returncode == 0 else []


def _is_loopback(address: Address) -> bool:
    """Judged by the name alone: another address of this machine is not recognised."""
    host = address.target.partition("/")[0].rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
