"""A checkpoint as one mapping: name -> array, whichever of its files was named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from covpool.formats.arrays import Arrays, Stored
from covpool.formats.corrupt import CorruptFile
from covpool.formats.crc32c import crc32c, masked
from covpool.formats.protobuf import varint
from covpool.formats.span import Span, map_file
from covpool.formats.tensorflow.bundle import DT_BFLOAT16, DT_STRING, TYPES, Entry, read_entry, read_header
from covpool.formats.tensorflow.object_graph import GRAPH_KEY, VALUE, variable_order
from covpool.formats.tensorflow.slices import Extents, check_cover, resolve, slice_key
from covpool.formats.tensorflow.table import read_table

_DATA = re.compile(r"(.+)\.data-\d{5}-of-\d{5}")
_LATEST = re.compile(r'^model_checkpoint_path: "([^"\n]+)"', re.MULTILINE)
_INDEX_LIMIT = 1 << 28  # a real index has some 60 bytes an array


def read_tensorflow(path: str | Path) -> Arrays:
    """The arrays of a TensorFlow 1 or 2 checkpoint, each read and its checksum verified when it is asked for.

    ``tf.train.Checkpoint`` and Keras name an array by its path, ``model/conv/kernel/.ATTRIBUTES/VARIABLE_VALUE``: the
    fixed end is cut off. ``order`` of the mapping lists the variables of the object graph as they were made.

    Args:
        path: the ``.index``, one of the ``.data-?????-of-?????``, what both begin with, or the folder (or its file
            ``checkpoint``), whose latest one is taken.

    Raises:
        CorruptFile: cut, damaged, files missing, or of the first format of TensorFlow (one file).
        OSError: a file cannot be opened.
    """
    prefix = _prefix(Path(path))
    span = map_file(f"{prefix}.index")
    if span.left > _INDEX_LIMIT:
        span.fail(f"an index of {span.left} bytes is refused; it is damaged, or the .data file was given its name")
    table = read_table(span)
    if b"" not in table:
        span.fail("it has no header; it is damaged, copy it again")
    bundle = _Bundle(prefix, read_header(table.pop(b"")))
    stored, left_out = {}, {}
    entries = {key: read_entry(value) for key, value in table.items()}
    _check_places(entries.values(), bundle)
    for key, entry in entries.items():
        if key.startswith(b"\0"):
            continue  # a slice; its array names it
        name = _text(key, span)
        if entry.dtype == DT_STRING:
            left_out[name] = "a text"
        else:
            stored[name.removesuffix(VALUE)] = _stored(key, entry, entries, bundle)
    if len(stored) + len(left_out) < sum(not key.startswith(b"\0") for key in entries):
        span.fail("two arrays have one name; it is damaged, copy it again")
    order = _order(entries, bundle, stored)
    return Arrays(stored, "TensorFlow checkpoint", left_out=left_out, order=order)


def _prefix(path: Path) -> str:
    marker = path / "checkpoint" if path.is_dir() else path
    if path.is_dir() and not marker.is_file():
        raise CorruptFile(
            str(path), "it is a folder without weights: a run, or the folder of a TensorFlow checkpoint was needed"
        )
    if marker.name == "checkpoint":
        with open(marker, "rb") as file:  # a few lines of text
            latest = _LATEST.search(file.read(1 << 16).decode("utf-8", "replace"))
        if latest is None:
            raise CorruptFile(str(marker), "it names no latest checkpoint; name the .index file itself")
        return str(marker.parent / Path(latest[1]).name)
    data = _DATA.fullmatch(str(path))
    return data[1] if data else str(path).removesuffix(".index")


@dataclass
class _Bundle:
    """The data files, opened when something in them is asked for."""

    prefix: str
    shards: int
    opened: dict[int, Span] = field(default_factory=dict)

    def shard(self, number: int) -> Span:
        if number not in self.opened:
            path = Path(f"{self.prefix}.data-{number:05d}-of-{self.shards:05d}")
            if number >= self.shards or not path.is_file():
                raise CorruptFile(f"{self.prefix}.index", f"its data file {path.name} is missing; put it beside it")
            self.opened[number] = map_file(path) if path.stat().st_size else Span(b"", str(path))
        return self.opened[number]

    def bytes(self, entry: Entry) -> memoryview:
        return self.shard(entry.shard).at(entry.offset, entry.size).take(entry.size)

    def checked(self, name: str, entry: Entry) -> memoryview:
        raw = self.bytes(entry)
        if entry.dtype != DT_STRING and masked(crc32c(raw)) != entry.checksum:
            self.shard(entry.shard).fail(
                f"the checksum of {name!r} does not fit; it is damaged, copy it again", entry.offset
            )
        return raw


def _check_places(entries: Iterable[Entry], bundle: _Bundle) -> None:
    """Every array lies in its file, and all together are no more than the files: nothing is stored twice."""
    total: dict[int, int] = {}
    for entry in entries:
        if entry.slices:
            continue
        shard = bundle.shard(entry.shard)
        if entry.offset + entry.size > shard.stop:
            shard.fail(
                f"an array of {entry.size} bytes should lie at {entry.offset}, and the file has only {shard.stop}; "
                "it is cut or damaged, copy it again"
            )
        total[entry.shard] = total.get(entry.shard, 0) + entry.size
        if total[entry.shard] > shard.stop:
            shard.fail("its arrays overlap; the index is damaged, copy it again")


def _text(key: bytes, span: Span) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        span.fail("the name of an array is no text; it is damaged, copy it again")


def _stored(key: bytes, entry: Entry, entries: Mapping[bytes, Entry], bundle: _Bundle) -> Stored:
    name, index = key.decode(), Span(b"", f"{bundle.prefix}.index")
    dtype = "bfloat16" if entry.dtype == DT_BFLOAT16 else TYPES[entry.dtype].name
    if not entry.slices:
        _check_size(name, entry, index)
        return Stored(entry.shape, dtype, partial(_load, name, entry, bundle))
    parts: dict[Extents, Entry] = {}
    for extents in entry.slices:
        part = entries.get(slice_key(key, extents))
        if part is None or part.slices or part.dtype != entry.dtype:
            index.fail(f"a slice of {name!r} is missing; it is damaged, copy it again")
        resolved = resolve(extents, entry.shape, index)
        if part.shape != tuple(size for _, size in resolved):
            index.fail(f"a slice of {name!r} has another shape than its array says; it is damaged")
        _check_size(name, part, index)
        parts[resolved] = part
    check_cover(entry, list(parts), index)
    return Stored(entry.shape, dtype, partial(_load_slices, name, entry, parts, bundle))


def _check_size(name: str, entry: Entry, index: Span) -> None:
    needed = entry.elements * TYPES[entry.dtype].itemsize
    if needed != entry.size:
        index.fail(f"{name!r} of shape {entry.shape} needs {needed} bytes and has {entry.size}; it is damaged")


def _load(name: str, entry: Entry, bundle: _Bundle) -> np.ndarray:
    flat = np.frombuffer(bundle.checked(name, entry), TYPES[entry.dtype])
    if entry.dtype == DT_BFLOAT16:
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.astype(flat.dtype.newbyteorder("=")).reshape(entry.shape)


def _load_slices(name: str, entry: Entry, parts: Mapping[Extents, Entry], bundle: _Bundle) -> np.ndarray:
    dtype = np.dtype(np.float32) if entry.dtype == DT_BFLOAT16 else TYPES[entry.dtype].newbyteorder("=")
    whole = np.empty(entry.shape, dtype)
    for extents, part in parts.items():
        whole[tuple(slice(start, start + size) for start, size in extents)] = _load(name, part, bundle)
    return whole


def _order(entries: Mapping[bytes, Entry], bundle: _Bundle, stored: Mapping[str, Stored]) -> list[str] | None:
    """The variables in the order of the object graph; None where there is none."""
    entry = entries.get(GRAPH_KEY)
    if entry is None or entry.dtype != DT_STRING or entry.shape:
        return None
    raw = bundle.bytes(entry)
    span = Span(raw, f"{bundle.prefix}.data")
    size = varint(span)  # a string tensor: the lengths, their checksum, the strings
    span.take(4)
    return [name for name in variable_order(span.within(size)) if name in stored]
