"""Exit codes, and how an exception becomes one sentence on stderr."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from covpool.foreign_text import shown
from covpool.registry import UnknownName
from covpool.stop_signals import Terminated

FINE, FAILED, WRONG_USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
_WRONG_VALUE = (ValueError, TypeError, FileExistsError, FileNotFoundError, NotADirectoryError)
# values were right, the work met these; by name, because importing them would import torch
_AT_WORK = ("CorruptFile", "CorruptImage", "WeightsUnavailable", "WeightsMismatch", "NonFiniteLoss")
_TOO_SMALL = "the images are too small for this network; give it larger ones"
_TOO_MUCH = "the memory does not suffice; take smaller batches or images"
_FOREIGN = {  # what torch and numpy say -> what it means here
    "Output size is too small": _TOO_SMALL,
    "Kernel size can't be greater than actual input size": _TOO_SMALL,
    "out of memory": _TOO_MUCH,
    "can't allocate memory": _TOO_MUCH,
    "Unable to allocate": _TOO_MUCH,
}
_PACKAGE = str(Path(__file__).parents[1]) + os.sep


class Usage(ValueError):
    """A command line that cannot be carried out; ``mistakes`` holds every reason, a sentence each."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("; ".join(self.mistakes))


class Failure(RuntimeError):
    """Work that could not be finished, said in one sentence."""


def guard(work: Callable[[], int], *, debug: bool = False) -> int:
    """Do ``work`` and return its exit code; an exception becomes a sentence on stderr and a code.

    Example:
        >>> guard(lambda: 0)
        0
    """
    try:
        code = work()
        sys.stdout.flush()
    except BrokenPipeError:
        return FINE  # `covpool pools | head`: the reader has what it wanted
    except KeyboardInterrupt as stop:
        sys.stderr.write(f"\n{str(stop) or 'interrupted'}\n")
        return code_of_stop(stop)
    except Exception as error:
        if debug:
            traceback.print_exc()
        sys.stderr.write(shown(sentence(error)))
        return exit_code(error)
    return code


def code_of_stop(stop: KeyboardInterrupt) -> int:
    """That of a polite kill, where it was one, else that of Ctrl-C."""
    return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED


def sentence(error: Exception) -> str:
    """What the user is told about ``error``: one line, or a list where several mistakes were found."""
    mistakes = getattr(error, "mistakes", None)
    if mistakes and len(mistakes) > 1:
        return f"error: {len(mistakes)} mistakes\n" + "".join(f"  - {mistake}\n" for mistake in mistakes)
    if mistakes:
        return f"error: {mistakes[0]}\n"
    if isinstance(error, OSError) and error.strerror:
        return f"error: {_file_trouble(error)}\n"
    if _is_ours(error):
        return f"error: {error}\n"
    text = " ".join(str(error).split()) or ("out of memory" if isinstance(error, MemoryError) else "no message")
    if isinstance(error, RuntimeError | MemoryError) and (
        known := [_FOREIGN[mark] for mark in _FOREIGN if mark in text]
    ):
        return f"error: {known[0]} (--debug shows what was tried)\n"
    return f"error: unexpected {type(error).__name__}: {text} (--debug shows the traceback)\n"


def exit_code(error: Exception) -> int:
    """2 where the command line, a name or a value was wrong; 1 where the work itself failed."""
    told = isinstance(error, Usage | UnknownName) or bool(getattr(error, "mistakes", None))
    wrong_value = isinstance(error, _WRONG_VALUE) and _is_ours(error) and type(error).__name__ not in _AT_WORK
    return WRONG_USAGE if told or wrong_value else FAILED


def _file_trouble(error: OSError) -> str:
    name = error.filename2 or error.filename
    remedy = "; name another place, or give yourself the right to it" if error.errno == errno.EACCES else ""
    return f"{name}: {error.strerror}{remedy}" if name else str(error.strerror)


def _is_ours(error: Exception) -> bool:
    """Whether a raise statement of the package made it: then its text is a sentence written for the user."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or not frames[-1].filename.startswith(_PACKAGE):
        return False
    return (frames[-1].line or "raise").startswith("raise")
