"""Runs the steps of a pickle.

Python's own unpickler with ``find_class`` closed would still allocate whatever size a damaged file states, and copies
arrays of gigabytes; here sizes are checked against the file, and large arrays stay in it, mapped.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from covpool.formats.corrupt import CorruptFile
from covpool.formats.pickled.stack import MARK, REMEDY, Machine
from covpool.formats.pickled.steps import STEPS
from covpool.formats.span import map_file

_MOST_STEPS = 1 << 23  # a batch of 128,000 pictures takes 10^6


def read_plain_pickle(path: str | Path) -> Any:
    """The value of a pickle made of numpy arrays of numbers, bytes, str, lists, tuples, dicts, numbers and None.

    Arrays and byte strings from 64 KB on are read-only views of the mapped file. Text of Python 2 comes as bytes.

    Raises:
        CorruptFile: cut, damaged, or it asks for anything else: a function, a class, an object of a library. That is
            named, and never looked up, let alone run.
        OSError: it cannot be opened.

    Example:
        >>> import pickle, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "batch").write_bytes(pickle.dumps({"labels": [3, 1]}))
        ...     read_plain_pickle(Path(folder, "batch"))
        {'labels': [3, 1]}
    """
    machine = Machine(map_file(path))
    try:
        return _run(machine)
    except (IndexError, TypeError, KeyError, OverflowError, UnicodeError, struct.error) as error:
        span = machine.span
        raise CorruptFile(span.path, "its steps make no sense; it is cut or damaged", span.position) from error


def _run(machine: Machine) -> Any:
    span = machine.span
    for _ in range(_MOST_STEPS):
        code = span.number("B")
        if code == ord("."):
            return _result(machine)
        step = STEPS.get(code)
        if step is None:
            span.fail(f"it has the step {bytes([code])!r}, which makes objects or is none; {REMEDY}")
        step(machine)
    return span.fail(f"it has more than {_MOST_STEPS} steps; split it, or it is an attack")


def _result(machine: Machine) -> Any:
    if len(machine.stack) != 1 or machine.stack[0] is MARK:
        machine.span.fail("it ends in the middle; it is cut or damaged")
    return machine.plain(machine.stack.pop())
