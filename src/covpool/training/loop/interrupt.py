"""Ctrl-C, or the end of the time given, asks for a stop after the step at work; a second Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading
from time import monotonic
from types import FrameType, TracebackType
from typing import Any


class Interrupted(Exception):
    """A stop at a place where the run can be saved; ``reason``: "asked", "terminated" or "time-limit"."""

    def __init__(self, reason: str = "asked") -> None:
        self.reason = reason
        super().__init__()


class StopSwitch:
    """While entered, Ctrl-C and a polite kill (SIGTERM) set ``requested`` instead of breaking a step in two.

    The second signal raises KeyboardInterrupt wherever the program is. Outside the main thread, where Python
    delivers no signals, only ``request`` sets it.

    Args:
        time_limit: seconds after which a stop counts as asked for; clocks that are put right do not matter. It waits
            until ``worked`` is set: a run that is resumed again and again gets on, however short its time.

    Example:
        >>> switch = StopSwitch()
        >>> switch.request()
        >>> switch.obey()
        Traceback (most recent call last):
        covpool.training.loop.interrupt.Interrupted
    """

    def __init__(self, time_limit: float | None = None) -> None:
        self.requested = False
        self.reason = "asked"
        self.worked = False
        self._deadline = None if time_limit is None else monotonic() + time_limit
        self._former: dict[signal.Signals, Any] = {}

    def request(self) -> None:
        """Ask for a stop at the next safe place."""
        self.requested = True

    def obey(self, *_: object) -> None:
        """Raise Interrupted where a stop was asked for; fits as a progress callback of an evaluation."""
        if self.requested:
            raise Interrupted(self.reason)
        if self.worked and self._deadline is not None and monotonic() >= self._deadline:
            raise Interrupted("time-limit")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.reason = "terminated" if number == signal.SIGTERM else "asked"
        self.request()

    def __enter__(self) -> StopSwitch:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()
