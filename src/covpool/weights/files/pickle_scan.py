"""What a pickle would do, found out without doing it: which names it asks for, and how its values are nested.

Two things that plain data can still do are refused: values that share values that share values ... are quickly read and
take for ever to compare or to hash, and a nesting that is deep enough overflows the stack of the interpreter.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from typing import IO, NamedTuple

_DEEPEST = 100  # checkpoints have some ten levels
_LARGEST = 100_000_000  # values, counted as often as they are shared
_REFUSED = {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX", "PERSID"}
_NESTING = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "REDUCE", "NEWOBJ", "BINPERSID"}


class _Size(NamedTuple):
    values: int = 1
    depth: int = 0


def names_in_pickle(file: IO[bytes]) -> Iterator[str]:
    """The names that one pickle imports, ``module.name``; the file stands behind it afterwards.

    Raises:
        ValueError: an operation that plain data does not need, or an impossible nesting; whatever ``pickletools``
            raises for bytes that are no pickle.

    Example:
        >>> import io, pickle
        >>> list(names_in_pickle(io.BytesIO(pickle.dumps({"a": {1, 2}}, 2))))
        ['__builtin__.set']
    """
    stack: list[_Size | None] = []  # None: a mark
    memo: dict[int, _Size] = {}
    for code, argument, _ in pickletools.genops(file):
        name = code.name
        if name in _REFUSED:
            raise ValueError(f"its pickle has the operation {name}, which weights do not need")
        if name == "GLOBAL":
            yield str(argument).replace(" ", ".", 1)
        if "PUT" in name:
            memo[int(str(argument))] = stack[-1] or _Size()
        elif name == "MARK":
            stack.append(None)
        elif "GET" in name:
            stack.append(memo[int(str(argument))])
        else:
            _apply(stack, code)


def _apply(stack: list[_Size | None], code: pickletools.OpcodeInfo) -> None:
    """Take off what the operation takes, put on what it makes of it."""
    before = code.stack_before
    taken: list[_Size] = []
    if pickletools.markobject in before:
        while (item := stack.pop()) is not None:
            taken.append(item)
        before = before[: before.index(pickletools.markobject)]
    taken += [stack.pop() or _Size() for _ in before]
    size = _Size(
        1 + sum(item.values for item in taken),
        max((item.depth for item in taken), default=0) + (code.name in _NESTING),
    )
    if size.values > _LARGEST or size.depth > _DEEPEST:
        raise ValueError("its values are nested too deep, or share each other over and over; no weights do")
    stack += [size] * len(code.stack_after)
