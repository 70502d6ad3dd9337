"""Arrays that are kept in slices (partitioned variables): the keys of the slices, and how they are put together.

Source: tensorflow/core/util/saved_tensor_slice_util.cc (EncodeTensorNameSlice), core/lib/strings/ordered_code.cc.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from covpool.formats.span import Span
from covpool.formats.tensorflow.bundle import Entry

Extents = tuple[tuple[int, int], ...]
_MOST_SLICES = 256
_ESCAPES = {0x00: b"\x00\xff", 0xFF: b"\xff\x00"}


def slice_key(name: bytes, extents: Extents) -> bytes:
    """The key under which a slice is stored.

    Example:
        >>> slice_key(b"w", ((0, 3), (0, -1))).hex()
        '0077000101028083807f'
    """
    escaped = b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in name)
    key = _natural(0) + escaped + b"\0\1" + _natural(len(extents))
    return key + b"".join(_signed(start) + _signed(length) for start, length in extents)


def _natural(value: int) -> bytes:
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def _signed(value: int) -> bytes:
    """Seven bits a byte; the leading bits count the bytes, and are inverted for negative numbers."""
    bits = (~value if value < 0 else value).bit_length()
    size = bits // 7 + 1
    raw = bytearray(value.to_bytes(max(size, 1), "big", signed=True))
    header = ((1 << size) - 1) << (8 * size - size)
    return (int.from_bytes(raw, "big") ^ header).to_bytes(size, "big")


def resolve(extents: Sequence[tuple[int, int]], shape: tuple[int, ...], span: Span) -> Extents:
    """Extents with the whole dimensions spelt out; CorruptFile where they do not lie in ``shape``."""
    if len(extents) != len(shape):
        span.fail(f"a slice has {len(extents)} dimensions, its array {len(shape)}; it is damaged")
    full = tuple(
        (start, whole - start if size < 0 else size) for (start, size), whole in zip(extents, shape, strict=True)
    )
    if any(start < 0 or size < 0 or start + size > whole for (start, size), whole in zip(full, shape, strict=True)):
        span.fail("a slice lies outside its array; it is damaged, copy it again")
    return full


def check_cover(entry: Entry, slices: Sequence[Extents], span: Span) -> None:
    """The slices fill the array, each place once."""
    sizes = [math.prod(size for _, size in one) for one in slices]
    if len(slices) > _MOST_SLICES or sum(sizes) != entry.elements:
        span.fail("the slices of an array do not add up to it; it is damaged, copy it again")
    if any(_overlap(a, b) for a, b in combinations(slices, 2)):
        span.fail("the slices of an array overlap; it is damaged, copy it again")


def _overlap(a: Extents, b: Extents) -> bool:
    return all(i < j + n and j < i + m for (i, m), (j, n) in zip(a, b, strict=True))
