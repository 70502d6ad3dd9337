"""The life of a process that reads pictures: how it is born, what it keeps, how it leaves."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from covpool.allocator import give_freed_memory_back


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C waits: it would end a worker that is just being born, with a lock in its hands."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin(worker: int) -> None:
    """Ctrl-C reaches the whole process group; the main process alone answers it and ends the workers.

    The collector leaves what was inherited alone: looking at it would copy the pages it shares with the main process.
    """
    gc.freeze()
    give_freed_memory_back()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.excepthook = _report_unless_disconnected


def _report_unless_disconnected(kind: Any, error: Any, trace: Any) -> None:
    """A worker that is handing over a batch when the main process leaves has nothing to report."""
    if not issubclass(kind, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
