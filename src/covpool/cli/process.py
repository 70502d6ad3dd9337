"""The process around a command line: the signals that end it, and words that nobody can read any more."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any, TextIO, cast

from covpool.stop_signals import POLITE, Terminated


def hear_polite_kills() -> None:
    """SIGTERM and the end of the terminal end the work as Ctrl-C does: with its own clearing up, not in its middle."""
    if "RANK" in os.environ:  # of torchrun: it may be waiting for others in C++, where no handler would run
        return
    for number in POLITE:
        if signal.getsignal(number) == signal.SIG_DFL:  # else nohup, or a caller of its own
            signal.signal(number, _terminate)


def leave(code: int) -> None:
    """End the process; whoever is impatient from here on gets the same code at once."""
    for number in (signal.SIGINT, *POLITE):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(code))
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader left; without this Python complains once more while it shuts down
        _to_nowhere(sys.stdout)
    sys.exit(code)


def keep_stderr() -> None:
    """From here on ``sys.stderr`` ends no work; see ``Unread``. A process that was started without one gets one."""
    sys.stderr = cast("TextIO", Unread(sys.stderr or open(os.devnull, "w", encoding="utf-8")))  # noqa: SIM115


class Unread:
    """A stream for people, who may leave: what cannot be written (a closed terminal, a reader that is gone, a full
    disk) goes nowhere, and so does all that follows. A training of a week is worth more than its messages."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """The length of ``text``, written or not."""
        try:
            return self._stream.write(text)
        except OSError:
            _to_nowhere(self._stream)
            return len(text)

    def flush(self) -> None:
        """Hand over what was kept back, if anybody takes it."""
        try:
            self._stream.flush()
        except OSError:
            _to_nowhere(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _to_nowhere(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
