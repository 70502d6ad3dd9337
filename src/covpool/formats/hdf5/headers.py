"""Superblock and object headers: the messages that describe an object.

Source: The HDF Group, "HDF5 File Format Specification", version 3.0, II.A and IV.A.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from covpool.formats.span import Span

SIGNATURE = b"\x89HDF\r\n\x1a\n"
NOWHERE = 0xFFFF_FFFF_FFFF_FFFF
DATASPACE, LINK_INFO, DATATYPE, LINK, LAYOUT, FILTERS = 1, 2, 3, 6, 8, 11
ATTRIBUTE, CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 12, 16, 17, 21
_SHARED = 0x02
_MOST_MESSAGES = 4096
_MOST_STEPS = 1 << 21  # seconds; a network of 1000 arrays takes some 30,000
LATEST = "write it again with h5py's default (libver='earliest')"


class Message(NamedTuple):
    """One message of an object header."""

    kind: int
    body: Span
    shared: bool


class File(Span):
    """The file from its base address on, with a count of the work that was done on it.

    Objects can be named again and again, so that a small file could keep a reader busy for ever.
    """

    __slots__ = ("collections", "work")

    def __init__(self, data: bytes | memoryview, path: str) -> None:
        super().__init__(data, path)
        self.work = 0
        self.collections: dict[int, dict[int, Span]] = {}  # of texts, by address

    def spend(self, steps: int) -> None:
        """Count steps of a few microseconds each; CorruptFile where they are more than any network needs."""
        self.work += steps
        if self.work > _MOST_STEPS:
            self.fail(f"it takes more than {_MOST_STEPS} steps to read; it is damaged, or no file of weights", 0)


class Superblock(NamedTuple):
    """The file, and where its root is."""

    file: File
    root: int


def read_superblock(span: Span) -> Superblock:
    """Find the signature (at 0, 512, 1024, ...) and what stands behind it.

    Raises:
        CorruptFile: no HDF5 file, a damaged one, or one whose addresses are not 8 bytes wide.
    """
    start = find_signature(span)
    if start is None:
        span.fail("it is no HDF5 file, or a damaged one; copy it again", 0)
    block = span.at(start + len(SIGNATURE))
    version = block.number("B")
    if version > 3:
        block.fail(f"its superblock has the unknown version {version}; {LATEST}")
    block.take(4 if version < 2 else 0)
    widths = block.number("B"), block.number("B")
    if widths != (8, 8):
        block.fail(f"its addresses and lengths are {widths} bytes wide; 8 and 8 are read")
    if version < 2:
        block.take(9 + 4 * version)  # a byte, two sizes of tree nodes, flags; version 1 has one size more
    else:
        block.take(1)
    base = block.number("Q")
    block.take(3 * 8 + 8 if version < 2 else 2 * 8)
    root = block.number("Q")
    if base > start:
        block.fail("its base address lies behind its beginning; it is damaged, copy it again")
    return Superblock(File(span.data[base:], span.path), root)


def find_signature(span: Span) -> int | None:
    """Where the signature is: a user's block of 512 bytes or a larger power of two may stand before it."""
    start = 0
    while start + len(SIGNATURE) <= span.stop:
        if bytes(span.data[start : start + len(SIGNATURE)]) == SIGNATURE:
            return start
        start = max(512, 2 * start)
    return None


def read_messages(file: File, address: int) -> list[Message]:
    """All messages of the object at ``address``."""
    messages: list[Message] = []
    visited = 0
    blocks, second = _first_block(file, address)
    while blocks:
        block, order = blocks.pop(0)
        visited += block.left
        if visited > file.stop:
            file.fail("the blocks of an object overlap; it is damaged, copy it again", address)
        for message in _messages(block, second, order):
            if message.kind == CONTINUATION:
                blocks.append((_continued(file, message.body, second), order))
            messages.append(message)
        file.spend(len(messages))
        if len(messages) > _MOST_MESSAGES:
            file.fail("an object has too many messages; it is damaged, copy it again", address)
    return messages


def _first_block(file: Span, address: int) -> tuple[list[tuple[Span, bool]], bool]:
    """The first block of messages (and whether they carry their order), and whether they are of the second kind."""
    header = file.at(address)
    if bytes(header.take(4)) != b"OHDR":
        header = file.at(address)
        if header.number("B") != 1:
            header.fail("there is no object where one should be; it is damaged, copy it again", address)
        header.take(7)
        size = header.number("I")
        header.take(4)
        return [(header.within(size), False)], False
    if header.number("B") != 2:
        header.fail("an object header has an unknown version; it is damaged, copy it again", address)
    flags = header.number("B")
    header.take(16 * bool(flags & 0x20) + 4 * bool(flags & 0x10))
    size = header.number("BHIQ"[flags & 3])
    return [(header.within(size), bool(flags & 0x04))], True


def _continued(file: Span, body: Span, second: bool) -> Span:
    block = file.at(body.number("Q"), body.number("Q"))
    if second:
        if bytes(block.take(4)) != b"OCHK" or block.left < 4:
            block.fail("an object header goes on where nothing is; it is damaged, copy it again")
        block.stop -= 4  # its checksum
    return block


def _messages(block: Span, second: bool, order: bool) -> Iterator[Message]:
    smallest = 4 + 2 * order if second else 8
    while block.left >= smallest:
        kind = block.number("B" if second else "H")
        size, flags = block.number("H"), block.number("B")
        block.take(2 * order if second else 3)
        yield Message(kind, block.within(size), bool(flags & _SHARED))
