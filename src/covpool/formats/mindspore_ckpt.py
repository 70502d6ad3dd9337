"""MindSpore's ``.ckpt``: name -> array, without MindSpore.

A file is a protobuf ``Checkpoint`` (mindspore/ccsrc/utils/checkpoint.proto): ``value`` (1), each with ``tag`` (1) and
``tensor`` (2) of ``dims`` (1), ``tensor_type`` (2), ``tensor_content`` (3), or ``maptensor`` (3). An array of more than
512 MiB is several values of one tag in a row, each with the dims of the whole (train/serialization.py,
``_write_parameter_bytes_data``). ``save_checkpoint(crc_check=True)`` appends ``crc_num`` and the CRC-32 of all before.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from covpool.formats.arrays import Arrays, Stored
from covpool.formats.protobuf import content, fields, integers, text, write_field, write_varint
from covpool.formats.span import MOST_DIMENSIONS, Span, map_file

_TYPES = {
    **{f"Float{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
    **{f"Int{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    "Bool": np.dtype("?"),
    "BFloat16": np.dtype("<u2"),  # the upper half of a float32; numpy has no such type
}
_NO_ARRAYS = {"str": "a text", "random_op": "the state of a random generator"}
_TRAILER = b"crc_num"
_TRAILER_SIZE = len(_TRAILER) + 10  # ten bytes, big end first
_SLICE = 512 << 20
_MOST_ARRAYS = 1 << 16  # a name of one byte costs us a hundred


@dataclass
class _Parts:
    """The values of one tag."""

    dims: tuple[int, ...]
    kind: str
    pieces: list[Span] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(piece.left for piece in self.pieces)


def read_mindspore(path: str | Path) -> Arrays:
    """The arrays of a MindSpore checkpoint, each read when asked for; bfloat16 is given as float32.

    Numbers that ``append_dict`` added (``epoch_num``) are arrays without dimensions; texts are in ``left_out``.

    Raises:
        CorruptFile: cut, damaged, encrypted, or another format.
        OSError: it cannot be opened.
    """
    span = map_file(path)
    _check_trailer(span)
    found: dict[str, _Parts] = {}
    left_out: dict[str, str] = {}
    last = None
    for value in fields(span):
        if value.number != 1:
            span.fail(_not_ours(), value.offset)
        tag, parts = _read_value(content(value, span))
        if parts is None:
            left_out[tag] = "a map parameter (a hash table)"
        elif parts.kind in _NO_ARRAYS:
            left_out[tag] = _NO_ARRAYS[parts.kind]
        else:
            _add(found, tag, parts, last, span)
        last = tag
    return Arrays({tag: _stored(tag, parts, span) for tag, parts in found.items()}, "MindSpore", left_out=left_out)


def _not_ours() -> str:
    return "it is no MindSpore checkpoint, or a damaged or encrypted one; copy it again, or save it without enc_key"


def _check_trailer(span: Span) -> None:
    """Verify the checksum where there is one, and end the span before it."""
    start = span.stop - _TRAILER_SIZE
    if start < 0 or bytes(span.data[start : start + len(_TRAILER)]) != _TRAILER:
        return
    stated = int.from_bytes(span.data[start + len(_TRAILER) :], "big")
    if stated != zlib.crc32(span.data[:start]):
        span.fail("its checksum does not fit; it is damaged, copy it again", start)
    span.stop = start


def _read_value(span: Span) -> tuple[str, _Parts | None]:
    tag, parts, is_map = None, None, False
    start = span.position
    for item in fields(span):
        if item.number == 1:
            tag = text(item, span)
        elif item.number == 2:
            parts = _read_tensor(content(item, span))
        elif item.number == 3:
            is_map = True
    if not tag or (parts is None) != is_map:
        span.fail(_not_ours(), start)
    return tag, parts


def _read_tensor(span: Span) -> _Parts:
    dims: list[int] = []
    kind, piece = None, None
    start = span.position
    for item in fields(span):
        if item.number == 1:
            dims += integers(item, span)
            if len(dims) > MOST_DIMENSIONS:
                span.fail(f"an array has more than {MOST_DIMENSIONS} dimensions; it is damaged, copy it again")
        elif item.number == 2:
            kind = text(item, span)
        elif item.number == 3:
            piece = content(item, span)
    if kind is None or piece is None:
        span.fail(_not_ours(), start)
    return _Parts(tuple(dims), kind, [piece])


def _add(found: dict[str, _Parts], tag: str, parts: _Parts, last: str | None, span: Span) -> None:
    if parts.kind not in _TYPES:
        span.fail(f"{tag!r} has the unknown type {parts.kind[:40]!r} (known: {', '.join(_TYPES)})")
    if tag not in found:
        if len(found) >= _MOST_ARRAYS:
            span.fail(f"it has more than {_MOST_ARRAYS} arrays; it is damaged")
        found[tag] = parts
        return
    first = found[tag]
    if last != tag or (first.dims, first.kind) != (parts.dims, parts.kind):
        span.fail(f"{tag!r} is in it twice; it is damaged, copy it again")
    first.pieces += parts.pieces


def _stored(tag: str, parts: _Parts, span: Span) -> Stored:
    """Checks that the bytes are those of the shape, so that reading allocates no more than the file has."""
    dtype, shape = _TYPES[parts.kind], parts.dims
    if shape == (0,) and parts.size == dtype.itemsize:
        shape = ()  # how append_dict marks a number
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != parts.size:
        span.fail(
            f"{tag!r} of type {parts.kind} and shape {shape[:8]} cannot have {parts.size} bytes; "
            "it is cut or damaged, copy it again",
            parts.pieces[0].position,
        )
    name = "bfloat16" if parts.kind == "BFloat16" else dtype.name
    return Stored(shape, name, partial(_load, parts, dtype, shape))


def _load(parts: _Parts, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    flat = np.empty(math.prod(shape), dtype)
    start = 0
    raw = flat.view(np.uint8)
    for piece in parts.pieces:
        raw[start : start + piece.left] = np.frombuffer(piece.data[piece.position : piece.stop], np.uint8)
        start += piece.left
    if parts.kind == "BFloat16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(shape)


def write_mindspore(
    arrays: Mapping[str, np.ndarray], path: str | Path, *, crc_check: bool = False, slice_size: int = _SLICE
) -> None:
    """Write a checkpoint as MindSpore does.

    Args:
        arrays: name -> array.
        path: where.
        crc_check: append the checksum, as ``save_checkpoint(crc_check=True)`` does.
        slice_size: bytes of an array in one value.

    Raises:
        ValueError: a type that MindSpore does not know.
    """
    names = {dtype: name for name, dtype in _TYPES.items() if name != "BFloat16"}
    crc = 0
    with open(path, "wb") as file:
        for tag, array in arrays.items():
            array = np.asarray(array)
            little = array.dtype.newbyteorder("<")
            if little not in names:
                raise ValueError(f"a MindSpore checkpoint holds {', '.join(_TYPES)}; {tag!r} is {array.dtype}")
            raw = np.ascontiguousarray(array, little).tobytes()
            for start in range(0, max(len(raw), 1), slice_size):
                value = _value(tag, array.shape, names[little], raw[start : start + slice_size])
                crc = zlib.crc32(value, crc)
                file.write(value)
        file.write(_TRAILER + crc.to_bytes(10, "big") if crc_check else b"")


def _value(tag: str, shape: tuple[int, ...], kind: str, raw: bytes) -> bytes:
    dims = b"".join(write_varint(1 << 3) + write_varint(length) for length in (shape or (0,)))
    tensor = dims + write_field(2, kind.encode()) + write_field(3, raw)
    return write_field(1, write_field(1, tag.encode()) + write_field(2, tensor))
