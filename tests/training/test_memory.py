"""Law of memory: what training frees, its next step finds again."""

import resource
import subprocess
import sys

import pytest

from tritext_training import memory

PROGRAM = """
import resource, torch
from tritext_training.memory import keep_freed_memory
assert keep_freed_memory()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40): torch.zeros(2**23)
before = faults()
for _ in range(20): torch.zeros(2**23)
print(faults() - before)
"""


def test_memory_that_was_freed_is_used_again_without_asking_the_kernel() -> None:
    """In a process of its own, since the setting cannot be taken back, and after some rounds in which the heap settles."""
    answer = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    pages = 20 * 2**25 // resource.getpagesize()
    assert int(answer.stdout) < pages / 10


def test_other_c_libraries_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not memory.keep_freed_memory()
