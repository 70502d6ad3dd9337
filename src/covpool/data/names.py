"""Names by the million in two arrays.

A list of strings is a Python object a name: a worker that reads one writes its reference count, and with it copies a
page of memory that it shared with the main process, until every worker has copied the whole list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np


class Names(Sequence[str]):
    """An unchangeable list of strings, equal to any list of the same strings.

    Example:
        >>> names = Names(["a.jpg", "b.jpg", "c.jpg"])
        >>> names[1], names.take(np.array([2, 0])) == ["c.jpg", "a.jpg"]
        ('b.jpg', True)
    """

    def __init__(self, names: Iterable[str]) -> None:
        parts = [name.encode("utf-8", "surrogateescape") for name in names]  # paths need not be UTF-8
        self._text = np.frombuffer(b"".join(parts), np.uint8)
        self._ends = np.cumsum(np.array([0, *map(len, parts)], np.int64))
        self._rows: np.ndarray | None = None

    @classmethod
    def joined(cls, parts: Sequence[Names]) -> Names:
        """One list after the other; the parts must not be taken from others."""
        whole = cls([])
        if parts:
            starts = np.cumsum([0, *(len(part._text) for part in parts)])
            whole._text = np.concatenate([part._text for part in parts])
            ends = [part._ends[1:] + start for part, start in zip(parts, starts, strict=False)]
            whole._ends = np.concatenate([np.zeros(1, np.int64), *ends])
        return whole

    def __len__(self) -> int:
        return len(self._ends) - 1 if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = range(len(self))[index]  # an IndexError, and a count from the end
        row = row if self._rows is None else int(self._rows[row])
        return self._at(row)

    def _at(self, row: int) -> str:
        return self._text[self._ends[row] : self._ends[row + 1]].tobytes().decode("utf-8", "surrogateescape")

    def take(self, rows: np.ndarray) -> Names:
        """The names at these positions; the text is shared."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._rows = np.asarray(rows, np.int64) if self._rows is None else self._rows[rows]
        return view

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self)) if len(self) <= 8 else f"<{len(self)} names: {self[0]!r}, {self[1]!r}, ...>"


class NumberedNames(Names):
    """``prefix/00000``, ``prefix/00001``, ...: nothing is stored.

    Example:
        >>> NumberedNames("train", 3)[2]
        'train/00002'
    """

    def __init__(self, prefix: str, count: int) -> None:
        self.prefix, self.total = prefix, count
        self._rows = None

    def __len__(self) -> int:
        return self.total if self._rows is None else len(self._rows)

    def _at(self, row: int) -> str:
        return f"{self.prefix}/{row:05d}"
