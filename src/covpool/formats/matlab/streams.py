"""Two ways to walk a variable of a ``.mat`` file: as it lies in the file, or unpacked on the way."""

from __future__ import annotations

import zlib
from typing import NoReturn, Protocol

from covpool.formats.span import Span

_PIECE = 1 << 16
_FED = 1 << 12  # what is not unpacked yet is copied at every call: many small values want little of it


class Stream(Protocol):
    """Bytes that are walked forward; places passed before can be read again."""

    order: str

    @property
    def position(self) -> int: ...
    def take(self, size: int) -> memoryview: ...
    def skip(self, size: int) -> None: ...
    def again(self, start: int, size: int) -> memoryview: ...
    def fail(self, reason: str) -> NoReturn: ...


class Plain:
    """A variable that is not compressed."""

    def __init__(self, span: Span) -> None:
        self._span, self.order = span, span.order

    @property
    def position(self) -> int:
        """Where it stands, in the file."""
        return self._span.position

    def take(self, size: int) -> memoryview:
        """The next bytes."""
        return self._span.take(size)

    def skip(self, size: int) -> None:
        """Move on."""
        self._span.take(size)

    def again(self, start: int, size: int) -> memoryview:
        """Bytes anywhere in the variable."""
        return self._span.at(start, size).take(size)

    def fail(self, reason: str) -> NoReturn:
        """Raise CorruptFile."""
        self._span.fail(reason)


class Packed:
    """A zlib-compressed variable, unpacked piece by piece: what is skipped takes no memory.

    Reading places in rising order costs one pass; going back starts from the beginning.
    """

    def __init__(self, span: Span) -> None:
        self._span, self.order = span, span.order
        self._restart()

    def _restart(self) -> None:
        self._unpacker, self._fed, self.position = zlib.decompressobj(), self._span.position, 0

    def take(self, size: int) -> memoryview:
        """The next bytes; CorruptFile where the stream does not give them."""
        if size > _LARGEST_RATIO * (self._span.stop - self._span.position):
            self.fail(f"{size} bytes cannot be packed into the {self._span.left} that are there; it is damaged")
        parts, missing = [], size
        while missing:
            parts.append(self._piece(min(missing, _PIECE)))
            missing -= len(parts[-1])
        return memoryview(b"".join(parts))

    def skip(self, size: int) -> None:
        """Unpack and forget."""
        while size:
            size -= len(self._piece(min(size, _PIECE)))

    def again(self, start: int, size: int) -> memoryview:
        """Bytes anywhere in the variable."""
        if start < self.position:
            self._restart()
        self.skip(start - self.position)
        return self.take(size)

    def finish(self) -> None:
        """Check that the stream ends here, and with it its checksum."""
        try:
            rest = self._unpacker.decompress(self._unpacker.unconsumed_tail + self._span.data[self._fed :][:8], 1)
        except zlib.error as error:
            self.fail(f"a variable cannot be unpacked ({error}); it is damaged, copy it again")
        if rest or not self._unpacker.eof:
            self.fail("a variable does not end where it says; it is damaged, copy it again")
        self._restart()

    def fail(self, reason: str) -> NoReturn:
        """Raise CorruptFile for the beginning of the variable."""
        self._span.fail(reason)

    def _piece(self, most: int) -> bytes:
        packed = self._unpacker.unconsumed_tail
        if not packed:
            packed = bytes(self._span.data[self._fed : min(self._fed + _FED, self._span.stop)])
            self._fed += len(packed)
        try:
            piece = self._unpacker.decompress(packed, most)
        except zlib.error as error:
            self.fail(f"a variable cannot be unpacked ({error}); it is damaged, copy it again")
        if not piece and self._fed >= self._span.stop and not self._unpacker.unconsumed_tail:
            self.fail("a variable ends too early; it is cut or damaged, copy it again")
        self.position += len(piece)
        if self.position > max(_UNPACKED, _RATIO * len(self._span.data)):
            self.fail("a variable unpacks to more than 16 times the file; no network of weights does, it is refused")
        return piece


_UNPACKED = 1 << 30
_RATIO = 16  # packed weights take at least a tenth of what they are
_LARGEST_RATIO = 1100  # deflate packs 1032 to 1 at best
