"""A small writer of TensorFlow checkpoints: one data file, names in order, what ``tf.train.Saver`` would read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from covpool.formats.crc32c import crc32c, masked
from covpool.formats.protobuf import write_field, write_fixed32, write_varint
from covpool.formats.tensorflow.bundle import DT_BFLOAT16, DT_STRING, TYPES
from covpool.formats.tensorflow.object_graph import GRAPH_KEY
from covpool.formats.tensorflow.table import FOOTER, MAGIC

_NUMBERS = {dtype: number for number, dtype in TYPES.items() if number != DT_BFLOAT16}
_HEADER = write_field(1, 1) + write_field(3, write_field(1, 1))  # one data file, version 1


def write_tensorflow(arrays: Mapping[str, np.ndarray], prefix: str | Path, graph: bytes | None = None) -> None:
    """Write ``prefix.index`` and ``prefix.data-00000-of-00001``.

    Args:
        arrays: name -> array.
        prefix: what both files begin with.
        graph: the object graph of a ``tf.train.Checkpoint`` (a serialized TrackableObjectGraph); None: there is none.

    Raises:
        ValueError: a type that TensorFlow has not.
    """
    entries, offset = {b"": _HEADER}, 0
    with open(f"{prefix}.data-00000-of-00001", "wb") as file:
        if graph is not None:
            raw, entries[GRAPH_KEY] = _text(graph)
            offset += file.write(raw)
        for name in sorted(arrays, key=str.encode):
            raw, entries[name.encode()] = _entry(name, np.asarray(arrays[name]), offset)
            offset += file.write(raw)
    Path(f"{prefix}.index").write_bytes(_table(dict(sorted(entries.items()))))  # the table is sorted by bytes


def _entry(name: str, array: np.ndarray, offset: int) -> tuple[bytes, bytes]:
    little = array.dtype.newbyteorder("<")
    if little not in _NUMBERS:
        raise ValueError(f"a TensorFlow checkpoint holds numbers and truth values; {name!r} is {array.dtype}")
    raw = np.ascontiguousarray(array, little).tobytes()
    shape = b"".join(write_field(2, write_field(1, length)) for length in array.shape)
    numbers = {1: _NUMBERS[little], 4: offset, 5: len(raw)}
    head, *places = (write_field(number, value) if value else b"" for number, value in numbers.items())
    checksum = write_fixed32(6, masked(crc32c(raw)))
    return raw, head + write_field(2, shape) + b"".join(places) + checksum


def _text(content: bytes) -> tuple[bytes, bytes]:
    """A string without dimensions: its length, the checksum of that, itself; the entry's checksum is of all three."""
    length = len(content).to_bytes(4, "little")
    check = masked(crc32c(length)).to_bytes(4, "little")
    raw = write_varint(len(content)) + check + content
    checksum = write_fixed32(6, masked(crc32c(length + check + content)))
    return raw, write_field(1, DT_STRING) + write_field(2, b"") + write_field(5, len(raw)) + checksum


def _table(entries: Mapping[bytes, bytes]) -> bytes:
    out = bytearray()
    data = _append(out, _block(entries.items()))
    statistics = _append(out, _block([]))
    index = _append(out, _block([(max(entries), data)]))
    return bytes(out + (statistics + index).ljust(FOOTER - len(MAGIC), b"\0") + MAGIC)


def _append(out: bytearray, block: bytes) -> bytes:
    """Put a block at the end and give its place."""
    place = write_varint(len(out)) + write_varint(len(block))
    out += block + b"\0" + masked(crc32c(block + b"\0")).to_bytes(4, "little")
    return place


def _block(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    out, before = bytearray(), b""
    for key, value in entries:
        shared = next((i for i, (a, b) in enumerate(zip(before, key, strict=False)) if a != b), len(before))
        out += write_varint(shared) + write_varint(len(key) - shared) + write_varint(len(value))
        out += key[shared:] + value
        before = key
    return bytes(out + bytes(4) + (1).to_bytes(4, "little"))  # one restart, at 0
