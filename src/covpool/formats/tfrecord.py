"""TFRecord files of ``tf.train.Example`` messages, read in place and written, without TensorFlow.

A record is its length (8 bytes), the masked CRC-32C of the length, the message, the masked CRC-32C of the message.
Source: tensorflow/core/lib/io/record_writer.h; messages: tensorflow/core/example/{example,feature}.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn, TypeAlias

import numpy as np

from covpool.formats.corrupt import CorruptFile
from covpool.formats.crc32c import crc32c, masked
from covpool.formats.protobuf import FIXED32, VARINT, content, fields, text, varint, write_field, write_varint
from covpool.formats.span import Span, map_file

Feature: TypeAlias = "list[bytes] | np.ndarray"
_BYTES, _FLOATS, _INTEGERS = 1, 2, 3  # the fields of tensorflow.Feature
_HEAD, _FOOT = 12, 4
_COMPRESSED = {b"\x1f\x8b": "gzip", b"x\x9c": "zlib", b"x\x01": "zlib", b"x\xda": "zlib"}


def index_tfrecord(path: str | Path) -> tuple[np.ndarray, str]:
    """Where the messages of a file lie, (N, 2) int64 of offset and length, and what is wrong after the last, or ''.

    Lengths are checked against their CRC and the file; messages are not read.

    Raises:
        CorruptFile: not even the first record is sound.
        OSError: it cannot be opened.
    """
    span = map_file(path)
    found: list[tuple[int, int]] = []
    damage = ""
    while span.left and not damage:
        try:
            found.append(_next(span))
        except CorruptFile as error:
            if not found:
                raise
            damage = str(error)
    return np.array(found, np.int64).reshape(-1, 2), damage


def _next(span: Span) -> tuple[int, int]:
    start = span.position
    head = span.at(start)
    if span.left < _HEAD + _FOOT:
        span.fail(f"it ends with {span.left} bytes that are no record; it is cut, copy it again")
    raw = head.take(8)
    if masked(crc32c(raw)) != head.number("I"):
        kind = _COMPRESSED.get(bytes(raw[:2])) if start == 0 else None
        span.fail(
            f"it is {kind}-compressed, and records are read in any order; write it without compression"
            if kind
            else "the checksum of a record's length does not fit; it is no TFRecord, or damaged"
        )
    length = int.from_bytes(raw, "little")
    if length > span.left - _HEAD - _FOOT:
        span.fail(f"a record of {length} bytes does not fit what is left; it is cut, copy it again")
    span.take(_HEAD + length + _FOOT)
    return start + _HEAD, length


class Records:
    """The messages of one file by position; the file is mapped when it is first read, in each process anew.

    Args:
        path: the file.
        places: what :func:`index_tfrecord` gave.
    """

    def __init__(self, path: str, places: np.ndarray) -> None:
        self.path, self.places = path, places
        self._span: Span | None = None

    def __len__(self) -> int:
        return len(self.places)

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.places)

    def span(self, position: int) -> Span:
        """The message, not checked."""
        if self._span is None:
            self._span = map_file(self.path)
        offset, length = (int(number) for number in self.places[position])
        return self._span.at(offset, length)

    def checked(self, position: int) -> Span:
        """The message; CorruptFile where its CRC does not fit."""
        found = self.span(position)
        foot = found.data[found.stop : found.stop + _FOOT]
        if masked(crc32c(found.data[found.position : found.stop])) != int.from_bytes(foot, "little"):
            found.fail("the checksum of a record does not fit; it is damaged, copy it again")
        return found


def read_example(span: Span, wanted: Iterable[str] | None = None) -> dict[str, Feature]:
    """The features of an Example by name: lists of bytes, float32 or int64 arrays; only the ``wanted`` ones if given.

    Raises:
        CorruptFile: it is no Example.
    """
    names = None if wanted is None else set(wanted)
    found: dict[str, Feature] = {}
    for outer in fields(span):
        if outer.number != 1:  # Example has the one field 'features'
            continue
        for entry in fields(content(outer, span)):
            name, value = _entry(content(entry, span))
            if names is None or name in names:
                found[name] = _feature(value) if value is not None else []
    return found


def _entry(span: Span) -> tuple[str, Span | None]:
    """One entry of the map: key and value."""
    name, value = "", None
    for field in fields(span):
        if field.number == 1:
            name = text(field, span)
        elif field.number == 2:
            value = content(field, span)
    return name, value


def _feature(span: Span) -> Feature:
    for field in fields(span):
        inside = content(field, span)
        if field.number == _BYTES:
            return [bytes((item := content(each, inside)).take(item.left)) for each in fields(inside)]
        if field.number == _FLOATS:
            return _numbers(inside, np.dtype("<f4"), _float_of)
        if field.number == _INTEGERS:
            return _integers(inside)
    return []


def _float_of(value: int) -> float:
    return float(np.array(value, np.uint32).view(np.float32))


def _numbers(span: Span, dtype: np.dtype, single: Callable[[int], float]) -> np.ndarray:
    """A repeated fixed-size number, packed or one by one."""
    parts: list[np.ndarray] = []
    for field in fields(span):
        if isinstance(field.value, Span):
            if field.value.left % dtype.itemsize:
                _odd(span)
            parts.append(field.value.array(dtype, (field.value.left // dtype.itemsize,)))
        elif field.kind == FIXED32:
            parts.append(np.array([single(field.value)], np.float32))
        else:
            _odd(span)
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _integers(span: Span) -> np.ndarray:
    values: list[int] = []
    for field in fields(span):
        if not isinstance(field.value, Span):
            if field.kind != VARINT:
                _odd(span)
            values.append(field.value)
            continue
        while field.value.left:
            values.append(varint(field.value))
    return np.array(values, np.uint64).view(np.int64)


def _odd(span: Span) -> NoReturn:
    span.fail("a list of numbers has an odd length or type; it is damaged")


def write_example(features: Mapping[str, bytes | str | int | Sequence[float] | np.ndarray]) -> bytes:
    """The bytes of an Example: text and bytes as a list of one, whole numbers as int64, other arrays as float32.

    Example:
        >>> message = write_example({"image/class/label": 7, "image/filename": "a.jpg"})
        >>> read_example(Span(message, "x"))
        {'image/class/label': array([7]), 'image/filename': [b'a.jpg']}
    """
    entries = [write_field(1, name.encode()) + write_field(2, _written(value)) for name, value in features.items()]
    return write_field(1, b"".join(write_field(1, entry) for entry in entries))


def _written(value: bytes | str | int | Sequence[float] | np.ndarray) -> bytes:
    if isinstance(value, str | bytes):
        raw = value.encode() if isinstance(value, str) else value
        return write_field(_BYTES, write_field(1, raw))
    numbers = np.atleast_1d(np.asarray(value))
    if numbers.dtype.kind in "iub":
        packed = b"".join(write_varint(int(number)) for number in numbers)
        return write_field(_INTEGERS, write_field(1, packed))
    return write_field(_FLOATS, write_field(1, numbers.astype("<f4").tobytes()))


def write_record(file: BinaryIO, message: bytes) -> None:
    """Append one record to an open file."""
    head = struct.pack("<Q", len(message))
    feet = [struct.pack("<I", masked(crc32c(part))) for part in (head, message)]
    file.write(head + feet[0] + message + feet[1])


def iterate_tfrecord(path: str | Path) -> Iterator[Span]:
    """Every message of a file in order, each checked; CorruptFile at the first damage."""
    places, damage = index_tfrecord(path)
    records = Records(str(path), places)
    for position in range(len(records)):
        yield records.checked(position)
    if damage:
        raise CorruptFile(str(path), damage.partition(": ")[2])
