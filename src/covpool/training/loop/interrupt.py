"""Ctrl-C asks for a stop after the step at work; a second one stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupted(Exception):
    """The stop that was asked for, at a place where the run can be saved."""


class StopSwitch:
    """While entered, Ctrl-C and a polite kill (SIGTERM) set ``requested`` instead of breaking a step in two.

    The second signal raises KeyboardInterrupt wherever the program is. Outside the main thread, where Python
    delivers no signals, only ``request`` sets it.

    Example:
        >>> switch = StopSwitch()
        >>> switch.request()
        >>> switch.obey()
        Traceback (most recent call last):
        covpool.training.loop.interrupt.Interrupted
    """

    def __init__(self) -> None:
        self.requested = False
        self._former: dict[signal.Signals, Any] = {}

    def request(self) -> None:
        """Ask for a stop at the next safe place."""
        self.requested = True

    def obey(self, *_: object) -> None:
        """Raise Interrupted where a stop was asked for; fits as a progress callback of an evaluation."""
        if self.requested:
            raise Interrupted

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
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
