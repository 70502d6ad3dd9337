"""MATLAB files of versions 5 to 7: variables as values, numbers left in the file.

Source: MathWorks, "MAT-File Format", chapter 1. An element is a tag (type and size, 8 bytes; or both and 4 bytes of
data in 8) and data padded to 8; a matrix is an element of elements; in version 7 each variable is zlib-compressed.
scipy.io reads the same files, and trusts their sizes: it is not given a stranger's bytes.
"""

from __future__ import annotations

import math
import struct
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from covpool.formats.matlab.streams import Packed, Plain, Stream
from covpool.formats.matlab.values import Cell, Numbers, Struct, Text, Unread, Value
from covpool.formats.span import MOST_DIMENSIONS, Span, map_file

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CHARACTERS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _OBJECT, _CHAR = 1, 2, 3, 4
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_OTHERS = {5: "a sparse matrix", 16: "a function", 17: "an object of a class"}
_COMPLEX, _LOGICAL = 0x08, 0x02  # bits of the flags
_MOST_VALUES = 1 << 18  # a network has some thousands
_DEEPEST = 32
_LONGEST_TEXT = 1 << 20


def read_mat5(path: str | Path) -> dict[str, Value]:
    """The variables of a file.

    Raises:
        CorruptFile: cut, damaged, or of another version.
        OSError: it cannot be opened.
    """
    span = map_file(path)
    header = bytes(span.take(_HEADER)) if span.left >= _HEADER else b""
    if header[126:] not in (b"IM", b"MI") or not header.startswith(b"MATLAB"):
        span.fail("it is no MATLAB file of version 5 to 7; save it again with save -v7 or -v7.3", 0)
    span.order = "<" if header[126:] == b"IM" else ">"
    variables: dict[str, Value] = {}
    counter = _Counter()
    while span.left:
        kind, size = span.number("I"), span.number("I")
        element = span.within(size)
        if kind not in (_MATRIX, _COMPRESSED):
            span.fail(f"an element has the unknown type {kind}; it is damaged, copy it again", element.position)
        name, value = _variable(element, kind, counter)
        if name:  # without one it is MATLAB's own notebook of function handles
            variables[name] = value
    return variables


class _Counter:
    """How many values there are in all: a few bytes of a hostile file must not cost a thousand of ours."""

    def __init__(self) -> None:
        self.values = 0

    def one_more(self, stream: Stream) -> None:
        self.values += 1
        if self.values > _MOST_VALUES:
            stream.fail(f"it has more than {_MOST_VALUES} values, which no network has")


def _variable(element: Span, kind: int, counter: _Counter) -> tuple[str, Value]:
    if kind == _MATRIX:
        return _matrix(Plain(element), element.stop, 0, counter)
    packed = Packed(element)
    kind, size = struct.unpack(packed.order + "II", packed.take(8))
    if kind != _MATRIX:
        packed.fail(f"a compressed variable has the unknown type {kind}; it is damaged, copy it again")
    name, value = _matrix(packed, 8 + size, 0, counter)
    packed.finish()
    return name, value


class _Part(NamedTuple):
    kind: int
    start: int
    size: int
    after: int


def _tag(stream: Stream, end: int) -> _Part:
    """The next element's tag; the stream stands at its data afterwards."""
    if stream.position + 8 > end:
        stream.fail("a matrix ends inside its description; it is cut or damaged, copy it again")
    first = struct.unpack(stream.order + "I", stream.take(4))[0]
    if first >> 16:  # the short form: the size in the upper half, four bytes of data
        part = _Part(first & 0xFFFF, stream.position, first >> 16, stream.position + 4)
        valid = part.size <= 4
    else:
        size = struct.unpack(stream.order + "I", stream.take(4))[0]
        padded = -(-size // 8) * 8
        part = _Part(first, stream.position, size, min(stream.position + padded, end))
        valid = stream.position + size <= end
    if not valid:
        stream.fail(f"an element states {part.size} bytes, more than there are; it is cut or damaged, copy it again")
    return part


def _data(stream: Stream, end: int, *kinds: int) -> bytes:
    """The data of the next element, which must be of one of these types and small."""
    part = _tag(stream, end)
    if part.kind not in kinds or part.size > _LONGEST_TEXT:
        stream.fail(f"a matrix is described by an element of type {part.kind}; it is damaged, copy it again")
    data = bytes(stream.take(part.size))
    stream.skip(part.after - stream.position)
    return data


def _matrix(stream: Stream, end: int, depth: int, counter: _Counter) -> tuple[str, Value]:
    counter.one_more(stream)
    if stream.position == end:
        return "", Numbers((0, 0), np.dtype("f8"), partial(np.zeros, (0, 0)))  # [] in a cell
    flags = _data(stream, end, 6)
    lengths = _data(stream, end, 5)
    name = _data(stream, end, 1, 2).split(b"\0")[0].decode("ascii", "replace")
    if len(flags) != 8 or len(lengths) % 4 or not 8 <= len(lengths) <= 4 * MOST_DIMENSIONS or depth > _DEEPEST:
        stream.fail("a matrix has an impossible description; it is damaged, copy it again")
    word = struct.unpack(stream.order + "II", flags)[0]
    shape = struct.unpack(f"{stream.order}{len(lengths) // 4}i", lengths)
    if min(shape) < 0:
        stream.fail(f"a matrix has the impossible shape {shape}; it is damaged, copy it again")
    value = _value(stream, end, word & 0xFF, word >> 8, shape, depth, counter)
    stream.skip(end - stream.position)
    return name, value


def _value(
    stream: Stream, end: int, kind: int, flags: int, shape: tuple[int, ...], depth: int, counter: _Counter
) -> Value:
    if kind == _CELL:
        return Cell(shape, _items(stream, end, math.prod(shape), depth, counter))
    if kind in (_STRUCT, _OBJECT):
        return _struct(stream, end, kind, shape, depth, counter)
    if kind == _CHAR:
        return _text(stream, end, shape)
    if kind in _OTHERS or flags & _COMPLEX:
        return Unread(_OTHERS.get(kind, "complex numbers"))
    if kind not in _CLASSES:
        stream.fail(f"a matrix is of the unknown class {kind}; it is damaged, copy it again")
    return _numbers(stream, end, np.dtype("?" if flags & _LOGICAL else _CLASSES[kind]), shape)


def _items(stream: Stream, end: int, count: int, depth: int, counter: _Counter) -> list[Value]:
    if 8 * count > end - stream.position:
        stream.fail(
            f"{count} values do not fit into {end - stream.position} bytes; it is cut or damaged, copy it again"
        )
    items = []
    for _ in range(count):
        part = _tag(stream, end)
        if part.kind != _MATRIX:
            stream.fail(f"a value has the unknown type {part.kind}; it is damaged, copy it again")
        items.append(_matrix(stream, part.start + part.size, depth + 1, counter)[1])
        stream.skip(part.after - stream.position)
    return items


def _struct(
    stream: Stream, end: int, kind: int, shape: tuple[int, ...], depth: int, counter: _Counter
) -> Struct | Unread:
    if kind == _OBJECT:
        _data(stream, end, 1, 2)  # the name of its class
    raw = _data(stream, end, 5)
    width = struct.unpack(stream.order + "i", raw)[0] if len(raw) == 4 else 0
    text = _data(stream, end, 1, 2)
    if width <= 0 or len(text) % width:
        stream.fail("a struct has impossible field names; it is damaged, copy it again")
    pieces = [text[start : start + width] for start in range(0, len(text), width)]
    names = [piece.split(b"\0")[0].decode("ascii", "replace") for piece in pieces]
    if len(set(names)) < len(names):
        stream.fail("a struct has a field twice; it is damaged, copy it again")
    values = _items(stream, end, len(names) * math.prod(shape), depth, counter)
    return Struct(shape, {name: values[place :: len(names)] for place, name in enumerate(names)})


def _text(stream: Stream, end: int, shape: tuple[int, ...]) -> Text | Unread:
    part = _tag(stream, end)
    if part.kind not in _CHARACTERS:
        stream.fail(f"a text is stored as type {part.kind}; it is damaged, copy it again")
    if part.size > _LONGEST_TEXT or len(shape) != 2 or shape[0] > 1:
        return Unread("a table of characters")
    order = "" if part.kind in (1, 2, 16) else ("-le" if stream.order == "<" else "-be")
    return Text(bytes(stream.take(part.size)).decode(_CHARACTERS[part.kind] + order, "replace"))


def _numbers(stream: Stream, end: int, dtype: np.dtype, shape: tuple[int, ...]) -> Numbers:
    part = _tag(stream, end)
    if part.kind not in _STORED:
        stream.fail(f"numbers are stored as type {part.kind}; it is damaged, copy it again")
    stored = np.dtype(stream.order + _STORED[part.kind])  # often smaller than the class: whole numbers are packed
    if math.prod(shape) * stored.itemsize != part.size:
        stream.fail(f"{part.size} bytes cannot be an array of shape {shape}; it is cut or damaged, copy it again")
    return Numbers(shape, dtype, partial(_load, stream, part, stored, dtype, shape))


def _load(stream: Stream, part: _Part, stored: np.dtype, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    flat = np.frombuffer(stream.again(part.start, part.size), stored)
    return np.ascontiguousarray(flat.reshape(shape, order="F"), dtype)
