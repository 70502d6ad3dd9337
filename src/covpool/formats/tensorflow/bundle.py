"""What an entry of an index says about an array: type, shape, place, checksum, slices.

Source: tensorflow/core/protobuf/tensor_bundle.proto, framework/tensor_shape.proto, tensor_slice.proto, types.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from covpool.formats.protobuf import content, fields, integer
from covpool.formats.span import MOST_DIMENSIONS, Span

DT_STRING, DT_BFLOAT16 = 7, 14
TYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    4: np.dtype("u1"),
    5: np.dtype("<i2"),
    6: np.dtype("i1"),
    8: np.dtype("<c8"),
    9: np.dtype("<i8"),
    10: np.dtype("?"),
    DT_BFLOAT16: np.dtype("<u2"),  # the upper half of a float32; numpy has no such type
    17: np.dtype("<u2"),
    18: np.dtype("<c16"),
    19: np.dtype("<f2"),
    22: np.dtype("<u4"),
    23: np.dtype("<u8"),
}
LITTLE = 0


@dataclass
class Entry:
    """One array, or one slice of an array, or an array that is kept in slices."""

    dtype: int = 0
    shape: tuple[int, ...] = ()
    shard: int = 0
    offset: int = 0
    size: int = 0
    checksum: int = 0
    slices: list[tuple[tuple[int, int], ...]] = field(default_factory=list)  # (start, length) a dimension

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def read_header(span: Span) -> int:
    """How many ``.data`` files there are; the header is the value of the empty key."""
    shards, order = 0, LITTLE
    for item in fields(span):
        if item.number == 1:
            shards = integer(item, span)
        elif item.number == 2:
            order = integer(item, span)
    if order != LITTLE:
        span.fail("it was written on a machine with the big end of numbers first; write it again on another")
    if not 0 < shards <= 99999:  # five digits in the file's name
        span.fail(f"its header states {shards} data files; it is damaged, or of TensorFlow's first checkpoint format")
    return shards


def read_entry(span: Span) -> Entry:
    """The value of a name."""
    entry, start = Entry(), span.position
    numbers = {1: "dtype", 3: "shard", 4: "offset", 5: "size", 6: "checksum"}
    for item in fields(span):
        if item.number in numbers:
            setattr(entry, numbers[item.number], integer(item, span))
        elif item.number == 2:
            entry.shape = _shape(content(item, span))
        elif item.number == 7:
            inside = content(item, span)
            entry.slices.append(tuple(_extents(inside)))
    known = entry.dtype in TYPES or entry.dtype == DT_STRING
    if not known or min(entry.shard, entry.offset, entry.size) < 0:
        span.fail(f"an array has the unknown type {entry.dtype} or an impossible place; it is damaged", start)
    return entry


def _shape(span: Span) -> tuple[int, ...]:
    lengths: list[int] = []
    for item in fields(span):
        if item.number == 2:
            dimension = content(item, span)
            lengths.append(next((integer(f, dimension) for f in fields(dimension) if f.number == 1), 0))
    if len(lengths) > MOST_DIMENSIONS or any(length < 0 for length in lengths):
        span.fail(f"an array has the impossible shape {tuple(lengths[:8])}; it is damaged")
    return tuple(lengths)


def _extents(span: Span) -> Iterator[tuple[int, int]]:
    """(start, length) of each dimension; a length of -1 is the whole dimension."""
    for item in fields(span):
        if item.number != 1:
            continue
        inside = content(item, span)
        values = {part.number: integer(part, inside) for part in fields(inside)}
        yield values.get(1, 0), values.get(2, -1)
