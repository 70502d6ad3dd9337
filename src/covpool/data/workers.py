"""The life of a process that reads pictures: how it is born, what it keeps, how it leaves."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from covpool.allocator import give_freed_memory_back
from covpool.stop_signals import POLITE


@contextmanager
def interrupts_held(*more: signal.Signals) -> Iterator[None]:
    """Ctrl-C waits, and so do the signals ``more``: they would end a process that is just being born, with a lock in
    its hands."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *more})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin(worker: int) -> None:
    """Stops are left to the main process, which ends the workers when the step at work is saved.

    The collector leaves what was inherited alone: looking at it would copy the pages it shares with the main process.
    """
    gc.freeze()
    give_freed_memory_back()
    leave_stops_to_the_main_process()
    sys.excepthook = _report_unless_disconnected


def leave_stops_to_the_main_process() -> None:
    """Ctrl-C is passed over, and so is the first polite kill; a second one, as the main process may send, ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in POLITE:
        signal.signal(number, _pass_over_once)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, POLITE)  # held since before this process was born


def _pass_over_once(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)


def _report_unless_disconnected(kind: Any, error: Any, trace: Any) -> None:
    """A worker that is handing over a batch when the main process leaves has nothing to report."""
    if not issubclass(kind, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
