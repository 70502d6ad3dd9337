"""A stretch of a file that no read can leave: what every reader walks on."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from covpool.formats.corrupt import CorruptFile

MOST_DIMENSIONS = 32  # numpy 1 holds no more
_CODES = {"B": (1, False), "H": (2, False), "I": (4, False), "Q": (8, False), "i": (4, True), "q": (8, True)}


class Span:
    """Bytes ``start:stop`` of a file with a position that moves forward; every read is checked first.

    Args:
        data: the bytes, of the whole file or of something unpacked from it.
        path: the file, for the message of an error.
        start, stop: the stretch; None: to the end.
        order: ``"<"`` or ``">"``, the byte order of numbers.

    Example:
        >>> span = Span(b"\\x02\\x00abc", "x")
        >>> bytes(span.take(span.number("H")))
        b'ab'
    """

    __slots__ = ("data", "order", "path", "position", "stop")

    def __init__(
        self, data: bytes | memoryview, path: str, start: int = 0, stop: int | None = None, order: str = "<"
    ) -> None:
        self.data, self.path, self.order = memoryview(data), path, order
        self.stop = len(self.data) if stop is None else stop
        self.position = start
        if not 0 <= start <= self.stop <= len(self.data):
            self.position = 0
            self.fail(f"it says that bytes {start} to {stop} hold something, and has only {len(self.data)}", start)

    @property
    def left(self) -> int:
        """Bytes between the position and the end."""
        return self.stop - self.position

    def fail(self, reason: str, offset: int | None = None) -> NoReturn:
        """Raise CorruptFile for the present position."""
        raise CorruptFile(self.path, reason, self.position if offset is None else offset)

    def need(self, size: int) -> None:
        """Raise CorruptFile unless ``size`` bytes are left."""
        if not 0 <= size <= self.left:
            self.fail(f"{size} bytes were needed and {self.left} are left; it is cut or damaged, copy it again")

    def take(self, size: int) -> memoryview:
        """The next ``size`` bytes, not copied."""
        self.need(size)
        self.position += size
        return self.data[self.position - size : self.position]

    def number(self, code: str) -> int:
        """One number by its ``struct`` code: B H I Q, or i q with a sign."""
        size, signed = _CODES[code]
        return int.from_bytes(self.take(size), "little" if self.order == "<" else "big", signed=signed)

    def within(self, size: int) -> Span:
        """The next ``size`` bytes as a span of their own; the position moves past them."""
        self.need(size)
        self.position += size
        return Span(self.data, self.path, self.position - size, self.position, self.order)

    def at(self, start: int, size: int | None = None) -> Span:
        """A span elsewhere in the same bytes."""
        return Span(self.data, self.path, start, None if size is None else start + size, self.order)

    def array(self, dtype: np.dtype, shape: Sequence[int], order: str = "C") -> np.ndarray:
        """The next bytes as an array of its own (a copy in native byte order)."""
        size = self.fitting(shape, dtype.itemsize)
        flat = np.frombuffer(self.take(size), dtype)
        return flat.astype(dtype.newbyteorder("="), copy=True).reshape(tuple(shape), order=order)  # type: ignore[call-overload]

    def fitting(self, shape: Sequence[int], itemsize: int) -> int:
        """Bytes of an array, before anything is allocated for it; CorruptFile where they cannot be here."""
        if len(shape) > MOST_DIMENSIONS or any(length < 0 for length in shape):
            self.fail(f"it states the impossible shape {tuple(shape[:8])}; it is damaged, copy it again")
        size = math.prod(shape) * itemsize
        if size > self.left:
            self.fail(
                f"an array of shape {tuple(shape)} needs {size} bytes and {self.left} are left; "
                "it is cut or damaged, copy it again"
            )
        return size


def map_file(path: str | Path, order: str = "<") -> Span:
    """A file as a span, mapped and not read: memory is used for what is looked at.

    Raises:
        CorruptFile: it is empty.
        OSError: it cannot be opened.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise CorruptFile(str(path), "it is empty (0 bytes); copy or download it again")
        return Span(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), str(path), order=order)
