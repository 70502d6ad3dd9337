"""Where the elements of a dataset lie, and how they are unpacked.

Source: HDF5 File Format Specification, IV.A.2.i (layout), IV.A.2.l (filters), III.A.1 (trees of chunks).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from covpool.formats.hdf5.groups import entries
from covpool.formats.hdf5.headers import LATEST, NOWHERE, File
from covpool.formats.span import Span

_COMPACT, _CONTIGUOUS, _CHUNKED = 0, 1, 2
_DEFLATE, _SHUFFLE, _FLETCHER = 1, 2, 3
_LARGEST_RATIO = 1100  # deflate packs 1032 to 1 at best


def plan(
    file: File, layout: Span, filters: Sequence[int], shape: tuple[int, ...], dtype: np.dtype
) -> Callable[[], np.ndarray]:
    """A function that reads the dataset; everything is checked here, before anything is allocated."""
    version, kind = layout.number("B"), layout.number("B")
    if version not in (3, 4) or (version == 4 and kind not in (_COMPACT, _CONTIGUOUS)):
        layout.fail(f"a dataset is laid out in version {version}, kind {kind}, which is not read; {LATEST}")
    if kind == _COMPACT:
        return _in_one_piece(layout.within(layout.number("H")), shape, dtype)
    if kind == _CONTIGUOUS:
        address, size = layout.number("Q"), layout.number("Q")
        if not math.prod(shape):
            return lambda: np.empty(shape, dtype.newbyteorder("="))
        if address == NOWHERE:
            layout.fail("a dataset was made and never written; there is nothing to read")
        return _in_one_piece(file.at(address, size), shape, dtype)
    if kind != _CHUNKED:
        layout.fail(f"a dataset has the unknown layout {kind}; it is damaged, copy it again")
    return _in_chunks(file, layout, filters, shape, dtype)


def _in_one_piece(span: Span, shape: tuple[int, ...], dtype: np.dtype) -> Callable[[], np.ndarray]:
    span.fitting(shape, dtype.itemsize)
    start = span.position
    return lambda: span.at(start).array(dtype, shape)


class _Chunk(NamedTuple):
    corner: tuple[int, ...]
    stored: Span
    skipped: int  # a bit a filter


def _in_chunks(
    file: File, layout: Span, filters: Sequence[int], shape: tuple[int, ...], dtype: np.dtype
) -> Callable[[], np.ndarray]:
    rank = layout.number("B") - 1
    tree = layout.number("Q")
    sizes = tuple(layout.number("I") for _ in range(rank + 1))
    size = math.prod(sizes)  # the last is that of an element
    if rank != len(shape) or not size or sizes[-1] != dtype.itemsize:
        layout.fail("the chunks of a dataset do not fit its shape; it is damaged, copy it again")
    chunks = _chunks(file, tree, rank) if tree != NOWHERE else []
    grid = [range(0, length, step) for length, step in zip(shape, sizes[:-1], strict=True)]
    needed = math.prod(map(len, grid))
    placed = {chunk.corner for chunk in chunks}
    if needed != len(chunks) or len(placed) != needed or any(not _on(grid, corner) for corner in placed):
        layout.fail(f"a dataset of {needed} chunks has {len(chunks)}; it is cut or damaged, copy it again")
    stored = sum(chunk.stored.left for chunk in chunks)
    packed = _LARGEST_RATIO if _DEFLATE in filters else 1
    # a chunk at the border is stored whole; one small packed chunk must not make us unpack a giant
    if max(math.prod(shape) * dtype.itemsize, size * bool(chunks)) > packed * max(stored, 1):
        layout.fail(f"a dataset of shape {shape} cannot come from {stored} bytes; it is damaged, copy it again")
    return lambda: _assemble(chunks, filters, sizes[:-1], shape, dtype)


def _on(grid: Sequence[range], corner: Sequence[int]) -> bool:
    return all(place in steps for place, steps in zip(corner, grid, strict=True))


def _chunks(file: File, tree: int, rank: int) -> list[_Chunk]:
    found, total = [], 0
    for key, address in entries(file, tree, kind=1, key_size=8 + 8 * (rank + 1)):
        size, skipped = key.number("I"), key.number("I")
        corner = tuple(key.number("Q") for _ in range(rank))
        found.append(_Chunk(corner, file.at(address, size), skipped))
        total += size
        if total > file.stop:
            file.fail("the chunks of a dataset overlap; it is damaged, copy it again", address)
    return found


def _assemble(
    chunks: Sequence[_Chunk], filters: Sequence[int], sizes: tuple[int, ...], shape: tuple[int, ...], dtype: np.dtype
) -> np.ndarray:
    whole = np.empty(shape, dtype.newbyteorder("="))
    for chunk in chunks:
        raw = _unpack(chunk, filters, math.prod(sizes) * dtype.itemsize, dtype.itemsize)
        block = np.frombuffer(raw, dtype).reshape(sizes)
        ends = [min(at + step, length) for at, step, length in zip(chunk.corner, sizes, shape, strict=True)]
        target = tuple(slice(at, end) for at, end in zip(chunk.corner, ends, strict=True))
        whole[target] = block[tuple(slice(0, end - at) for at, end in zip(chunk.corner, ends, strict=True))]
    return whole


def _unpack(chunk: _Chunk, filters: Sequence[int], size: int, itemsize: int) -> bytes | memoryview:
    span = chunk.stored
    raw: bytes | memoryview = span.data[span.position : span.stop]
    for place, kind in reversed(list(enumerate(filters))):
        if chunk.skipped >> place & 1:
            continue
        if kind == _DEFLATE:
            raw = _inflate(raw, size + 4, span)  # a checksum may be inside
        elif kind == _FLETCHER:
            raw = _without_checksum(raw, span)
        else:
            raw = np.frombuffer(raw, np.uint8)[: len(raw) // itemsize * itemsize].reshape(itemsize, -1).T.tobytes()
    if len(raw) != size:
        span.fail(f"a chunk holds {len(raw)} bytes instead of {size}; it is damaged, copy it again")
    return raw


def _inflate(raw: bytes | memoryview, most: int, span: Span) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        out = unpacker.decompress(raw, most)
    except zlib.error as error:
        span.fail(f"a chunk cannot be unpacked ({error}); it is damaged, copy it again")
    if not unpacker.eof and unpacker.decompress(unpacker.unconsumed_tail, 1):
        span.fail("a chunk holds more than it should; it is damaged, copy it again")
    return out


def _without_checksum(raw: bytes | memoryview, span: Span) -> memoryview:
    """Verify the Fletcher-32 in the last four bytes: sums of 16-bit words, big end first, modulo 65535."""
    if len(raw) < 4:
        span.fail("a chunk is too short for its checksum; it is damaged, copy it again")
    data = memoryview(raw)[:-4]
    words = np.frombuffer(bytes(data) + bytes(len(data) % 2), ">u2").astype(np.uint64)
    low = int(words.sum()) % 65535
    high = int((words * np.arange(len(words), 0, -1, dtype=np.uint64) % 65535).sum()) % 65535
    stated = int.from_bytes(memoryview(raw)[-4:], "little")
    if (stated & 0xFFFF) % 65535 != low or (stated >> 16) % 65535 != high:
        span.fail("the checksum of a chunk does not fit; it is damaged, copy it again")
    return data


def read_filters(body: Span) -> list[int]:
    """The filters of a filter message, in the order in which they were applied."""
    version, count = body.number("B"), body.number("B")
    body.take(6 if version == 1 else 0)
    found = []
    for _ in range(count):
        kind = body.number("H")
        length = body.number("H") if version == 1 or kind >= 256 else 0
        body.take(2)
        values = body.number("H")
        body.take(-(-length // 8) * 8 if version == 1 else length)
        body.take(4 * (values + (values % 2 if version == 1 else 0)))
        if kind not in (_DEFLATE, _SHUFFLE, _FLETCHER):
            body.fail(f"a dataset is packed by filter {kind}; deflate, shuffle and Fletcher-32 are read; {LATEST}")
        found.append(kind)
    return found
