"""The wire form of protocol buffers: fields in, fields out, without schemas.

Source: protobuf.dev, "Encoding". Groups (wire types 3 and 4) are refused; neither MindSpore nor TensorFlow write them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from covpool.formats.span import Span

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: "Q", FIXED32: "I"}


class Field(NamedTuple):
    """One field: its number, its wire type, an integer or a span of bytes, and where it begins."""

    number: int
    kind: int
    value: int | Span
    offset: int


def fields(span: Span) -> Iterator[Field]:
    """The fields of a message in order.

    Example:
        >>> [(f.number, f.value) for f in fields(Span(b"\\x08\\x96\\x01", "x"))]
        [(1, 150)]
    """
    while span.left:
        offset = span.position
        key = varint(span)
        number, kind = key >> 3, key & 7
        if not number:
            span.fail("a field has the number 0; it is damaged or of another format", offset)
        yield Field(number, kind, _value(span, kind, offset), offset)


def _value(span: Span, kind: int, offset: int) -> int | Span:
    if kind == VARINT:
        return varint(span)
    if kind == BYTES:
        return span.within(varint(span))
    if kind not in _SIZES:
        span.fail(f"a field has the unknown wire type {kind}; it is damaged or of another format", offset)
    return span.number(_SIZES[kind])


def varint(span: Span) -> int:
    """A number of one to ten bytes."""
    data, start, value = span.data, span.position, 0
    for position in range(start, min(start + 10, span.stop)):
        value |= (data[position] & 0x7F) << (7 * (position - start))
        if data[position] < 0x80:
            span.position = position + 1
            return value & 0xFFFF_FFFF_FFFF_FFFF
    return span.fail("a number does not end after ten bytes; it is cut, damaged or of another format")


def integer(field: Field, span: Span) -> int:
    """The field's value as a signed 64-bit number."""
    if isinstance(field.value, Span):
        span.fail(f"field {field.number} should be a number and is a string of bytes; it is damaged", field.offset)
    return field.value - (1 << 64) if field.kind == VARINT and field.value >> 63 else field.value


def content(field: Field, span: Span) -> Span:
    """The field's value as bytes."""
    if not isinstance(field.value, Span):
        span.fail(f"field {field.number} should be a string of bytes and is a number; it is damaged", field.offset)
    return field.value


def text(field: Field, span: Span) -> str:
    """The field's value as UTF-8 text."""
    inside = content(field, span)
    try:
        return str(inside.take(inside.left), "utf-8")
    except UnicodeDecodeError:
        span.fail(f"field {field.number} should be text and is not; it is damaged", field.offset)


def integers(field: Field, span: Span, most: int = 64) -> list[int]:
    """A repeated number, packed or one of many; CorruptFile where there are more than ``most``."""
    if not isinstance(field.value, Span):
        return [integer(field, span)]
    found: list[int] = []
    while field.value.left:
        if len(found) >= most:
            span.fail(f"field {field.number} has more than {most} numbers; it is damaged", field.offset)
        value = varint(field.value)
        found.append(value - (1 << 64) if value >> 63 else value)
    return found


def write_varint(value: int) -> bytes:
    """The bytes of a number; a negative one takes ten."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def write_field(number: int, value: int | bytes) -> bytes:
    """One field: a number as a varint, bytes with their length.

    Example:
        >>> write_field(1, 150).hex()
        '089601'
    """
    if isinstance(value, int):
        return write_varint(number << 3 | VARINT) + write_varint(value)
    return write_varint(number << 3 | BYTES) + write_varint(len(value)) + value


def write_fixed32(number: int, value: int) -> bytes:
    """One field of four bytes, little end first."""
    return write_varint(number << 3 | FIXED32) + value.to_bytes(4, "little")
