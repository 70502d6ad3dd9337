"""Ctrl-C, a polite kill, or the end of the time given, asks for a stop after the step at work; a second Ctrl-C stops
at once."""

from __future__ import annotations

import signal
import threading
from time import monotonic
from types import FrameType, TracebackType
from typing import Any

from covpool.stop_signals import POLITE, Terminated


class Interrupted(Exception):
    """A stop at a place where the run can be saved; ``reason``: "asked", "terminated" or "time-limit"."""

    def __init__(self, reason: str = "asked") -> None:
        self.reason = reason
        super().__init__()


def stopped_by(reason: str, text: str = "") -> KeyboardInterrupt:
    """What ends the work around a training that was stopped for that ``reason``."""
    return (Terminated if reason == "terminated" else KeyboardInterrupt)(text)


class StopSwitch:
    """While entered, Ctrl-C, a polite kill (SIGTERM) and the end of the terminal (SIGHUP, unless it is ignored, as
    nohup does) set ``requested`` instead of breaking a step in two.

    A second Ctrl-C raises KeyboardInterrupt wherever the program is. The others may come again: some systems send
    several, and a checkpoint at work is not given up for that. Outside the main thread, where Python delivers no
    signals, only ``request`` sets it.

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

    def at_once(self, text: str = "") -> KeyboardInterrupt:
        """What is raised where the stop that was asked for finds nothing that can be saved."""
        return stopped_by(self.reason, text)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise self.at_once()
        self.reason = "asked" if number == signal.SIGINT else "terminated"
        self.request()

    def __enter__(self) -> StopSwitch:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *POLITE):
                if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                    self._former[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()
