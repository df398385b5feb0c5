"""How the C library handles the memory of training on a processor. Knows nothing of what is trained."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Of glibc's <malloc.h>, see mallopt(3)."""

_WITHOUT_LIMIT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the process keep what it frees, for every training step needs as much as the last one did.

    As it is set up, glibc gives large blocks back at once and takes them anew from the kernel, which fills them with
    zeros page by page: about a tenth of a step's processor time, most of it for the gradient of the embedding table.

    Returns:
        Whether the C library could be told; others than glibc cannot.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, _WITHOUT_LIMIT))
