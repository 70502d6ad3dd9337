"""What the C library does with freed memory: glibc's guesses suit neither a training step nor a worker.

Elsewhere than on glibc nothing is changed.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# mallopt's parameters, of glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MAPPINGS = 65536  # at most at once, as glibc starts
_LARGEST_THRESHOLD = 32 << 20  # where glibc's own adjustment ends, which stops once a parameter is set


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Freed blocks of any size are used again; they go back to the system at the end.

    glibc maps blocks of 32 MB and more anew each time, and the system clears them page by page as they are written.
    The gradient of a classifier behind a covariance is such a block (130 MB for 1000 classes), in every step.
    """
    _set(_MMAP_MAX, 0)
    _set(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        _map_from(_LARGEST_THRESHOLD)
        trim = _of_glibc("malloc_trim")
        if trim is not None:
            trim(0)


def give_freed_memory_back() -> None:
    """Blocks of 1 MB and more go back to the system when they are freed: a process that makes one batch after another
    would come to keep 100 MB of holes between them."""
    _map_from(1 << 20)


def _map_from(size: int) -> None:
    """Blocks of ``size`` bytes are mapped, and as much as two of them free at the end of the heap goes back."""
    _set(_MMAP_MAX, _MAPPINGS)
    _set(_MMAP_THRESHOLD, size)
    _set(_TRIM_THRESHOLD, 2 * size)


def _set(parameter: int, value: int) -> None:
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(parameter, value)


def _of_glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
