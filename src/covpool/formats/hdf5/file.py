"""Groups, datasets and attributes of an HDF5 file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from covpool.formats.hdf5.groups import members
from covpool.formats.hdf5.headers import (
    ATTRIBUTE,
    ATTRIBUTE_INFO,
    DATASPACE,
    DATATYPE,
    FILTERS,
    LATEST,
    LAYOUT,
    NOWHERE,
    File,
    Message,
    read_messages,
    read_superblock,
)
from covpool.formats.hdf5.storage import plan, read_filters
from covpool.formats.hdf5.types import NUMBER, REFERENCE, SEQUENCE, STRING, TEXT, Type, read_space, read_type
from covpool.formats.span import Span, map_file

_MOST_TEXT = 1 << 22  # of an attribute


def open_hdf5(path: str | Path) -> Group:
    """The root group.

    Raises:
        CorruptFile: cut, damaged, or written in a way that is not read.
        OSError: it cannot be opened.
    """
    block = read_superblock(map_file(path))
    root = Object(block.file, block.root).open()
    if not isinstance(root, Group):
        block.file.fail("its root is no group; it is damaged, copy it again")
    return root


class Object:
    """What lies at an address: a group or a dataset, with attributes."""

    def __init__(self, file: File, address: int) -> None:
        self.file, self.address = file, address
        self.messages: list[Message] = read_messages(file, address)

    def open(self) -> Group | Dataset:
        """As what it is."""
        return (Dataset if self.first(LAYOUT) else Group)(self.file, self.address)

    def at(self, address: int) -> Group | Dataset:
        """Another object of the same file, by its address: what a reference leads to."""
        return Object(self.file, address).open()

    def first(self, kind: int) -> Message | None:
        """The first message of a kind."""
        return next((message for message in self.messages if message.kind == kind), None)

    def body(self, kind: int, what: str) -> Span:
        """A copy of the span of the message of a kind, which must be there."""
        message = self.first(kind)
        if message is None or message.shared:
            self.file.fail(f"an object keeps its {what} elsewhere or has none; {LATEST}", self.address)
        return message.body.at(message.body.position, message.body.left)

    @cached_property
    def attributes(self) -> Mapping[str, np.ndarray | list[str] | str | None]:
        """Attributes by name: numbers, texts, or None for what is of no use to us."""
        found: dict[str, np.ndarray | list[str] | str | None] = {}
        for message in self.messages:
            if message.kind == ATTRIBUTE and not message.shared:
                name, value = _attribute(self.file, message.body.at(message.body.position, message.body.left))
                found[name] = value
            elif message.kind == ATTRIBUTE_INFO:
                body = message.body.at(message.body.position, message.body.left)
                body.take(1)
                body.take(2 * (body.number("B") & 1))
                if body.number("Q") != NOWHERE:
                    body.fail(f"an object keeps its attributes in a fractal heap, which is not read; {LATEST}")
        return found


class Group(Object):
    """Named objects."""

    @cached_property
    def members(self) -> Mapping[str, int]:
        """Name -> address."""
        fresh = [m._replace(body=m.body.at(m.body.position, m.body.left)) for m in self.messages]
        return members(self.file, fresh)

    def get(self, name: str) -> Group | Dataset | None:
        """The object that a path leads to, or None."""
        here: Group | Dataset | None = self
        for part in name.strip("/").split("/"):
            address = here.members.get(part) if isinstance(here, Group) else None
            here = None if address is None else self.at(address)
        return here


class Dataset(Object):
    """An array; :attr:`shape` is as stored (C order)."""

    @cached_property
    def type(self) -> Type:
        """What an element is."""
        return read_type(self.body(DATATYPE, "type"))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dimensions."""
        space = read_space(self.body(DATASPACE, "shape"))
        return (0,) if space is None else space

    def reader(self) -> Callable[[], np.ndarray]:
        """A function that reads numbers or references (their addresses); all sizes have been checked."""
        dtype = self.type.dtype if self.type.kind == NUMBER else np.dtype("<u8")
        if self.type.kind not in (NUMBER, REFERENCE) or dtype is None:
            self.file.fail(f"a dataset of {self.type.name or self.type.kind} is not read", self.address)
        message = self.first(FILTERS)
        filters = read_filters(self.body(FILTERS, "filters")) if message else []
        return plan(self.file, self.body(LAYOUT, "layout"), filters, self.shape, dtype)


def _attribute(file: File, body: Span) -> tuple[str, np.ndarray | list[str] | str | None]:
    version = body.number("B")
    shared = body.number("B") & 3 if version > 1 else body.take(1) and 0
    sizes = [body.number("H") for _ in range(3)]
    body.take(1 if version == 3 else 0)
    name, kind, space = (body.within(-(-size // 8) * 8 if version == 1 else size) for size in sizes)
    text = bytes(name.take(sizes[0])).split(b"\0")[0].decode("utf-8", "replace")
    if version not in (1, 2, 3) or shared:
        return text, None
    shape = read_space(space)
    return text, None if shape is None else _value(file, body, read_type(kind), shape)


def _value(file: File, body: Span, kind: Type, shape: tuple[int, ...]) -> np.ndarray | list[str] | str | None:
    if kind.kind == NUMBER and kind.dtype is not None:
        return body.array(kind.dtype, shape)
    body.fitting(shape, kind.size)
    count = math.prod(shape)
    if kind.kind == STRING:
        texts = [_decoded(body.take(kind.size)) for _ in range(count)]
    elif kind.kind == TEXT or (kind.kind == SEQUENCE and kind.dtype == np.dtype("S1")):
        texts = _from_heap(file, [body.within(kind.size) for _ in range(count)])
    else:
        return None
    return texts if shape else texts[0]


def _decoded(raw: bytes | memoryview) -> str:
    return bytes(raw).split(b"\0")[0].decode("utf-8", "replace")


def _from_heap(file: File, places: list[Span]) -> list[str]:
    """Texts of variable length, which lie in collections elsewhere."""
    texts, total = [], 0
    for place in places:
        length, address, index = place.number("I"), place.number("Q"), place.number("I")
        if not length:
            texts.append("")
            continue
        if address not in file.collections:
            file.collections[address] = _collection(file, address)
        item = file.collections[address].get(index)
        total += length
        if item is None or total > _MOST_TEXT:
            file.fail("a text is not where it should be; it is damaged, copy it again", address)
        texts.append(_decoded(item.at(item.position, item.left).take(length)))
    return texts


def _collection(file: File, address: int) -> dict[int, Span]:
    heap = file.at(address)
    if bytes(heap.take(4)) != b"GCOL":
        heap.fail("there are no texts where they should be; it is damaged, copy it again")
    heap.take(4)
    size = heap.number("Q")
    heap = file.at(address, size)
    heap.take(16)
    found: dict[int, Span] = {}
    while heap.left >= 16:
        index = heap.number("H")
        heap.take(6)
        length = heap.number("Q")
        if index == 0:
            break  # the rest is free
        found[index] = heap.within(length)
        heap.take(min(-length % 8, heap.left))
    file.spend(len(found))
    return found
