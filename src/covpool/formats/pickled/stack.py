"""What the steps of a pickle work on: a stack with marks, a memo, and the bytes."""

from __future__ import annotations

from typing import Any

from covpool.formats.pickled.arrays import Made, Name
from covpool.formats.span import Span

_LONGEST_LINE = 1 << 24
MOST_DIGITS = 64
_COPIED = 1 << 16  # bytes; longer strings stay in the file
MARK = object()
REMEDY = "nothing of it was run; get it from its publisher, or save plain arrays, lists and dicts"


class Machine:
    """A stack, the stacks below its marks, and a memo."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def plain(self, value: Any) -> Any:
        """The value, which must be data by now."""
        if isinstance(value, Name | Made) or value is MARK:
            self.span.fail(f"it stores {value!r} where data was needed; {REMEDY}")
        return value

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        """What lies on top; a mark may not be taken so."""
        if self.stack[-1] is MARK:
            self.span.fail("a step finds nothing to work on; it is damaged")
        return self.stack.pop()

    def above_mark(self) -> list[Any]:
        """Everything above the last mark, which goes as well."""
        stack = self.stack
        for place in range(len(stack) - 1, -1, -1):
            if stack[place] is MARK:
                items = stack[place + 1 :]
                del stack[place:]
                return items
        return self.span.fail("a step needs a mark and there is none; it is damaged")

    def line(self, most: int = _LONGEST_LINE) -> bytes:
        """Text up to the end of the line."""
        span = self.span
        end = min(span.stop, span.position + most)
        for stop in range(span.position, end, 4096):
            piece = bytes(span.data[stop : min(stop + 4096, end)])
            place = piece.find(b"\n")
            if place >= 0:
                text = bytes(span.take(stop + place - span.position))
                span.take(1)
                return text
        return span.fail(f"a line does not end within {most} bytes; it is cut or damaged")

    def whole(self) -> int:
        """A number written in digits."""
        text = self.line(MOST_DIGITS)
        try:
            return int(text.rstrip(b"L"))
        except ValueError:
            self.span.fail(f"{text!r} should be a number; it is damaged")

    def content(self, code: str) -> bytes | memoryview:
        """Bytes after their count."""
        found = self.span.take(self.span.number(code))
        return bytes(found) if len(found) < _COPIED else found

    def remember(self, key: int) -> None:
        if self.stack[-1] is MARK:
            self.span.fail("it remembers a mark; it is damaged")
        self.memo[key] = self.stack[-1]
        if isinstance(self.stack[-1], Made):
            self.stack[-1].keys.append(key)
