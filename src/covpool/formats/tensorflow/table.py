"""The sorted table of an ``.index`` file: key -> value.

Source: leveldb, doc/table_format.md; TensorFlow copied it (tensorflow/core/lib/io/format.h). A block is entries that
share the beginning of their key with the entry before, then the offsets of entries that share nothing; a byte for the
compression and a masked CRC-32C follow it. The last 48 bytes say where the block of blocks is.
"""

from __future__ import annotations

from collections.abc import Iterator

from covpool.formats.crc32c import crc32c, masked
from covpool.formats.protobuf import varint
from covpool.formats.span import Span

MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER = 48
TRAILER = 5  # of a block: its compression and its checksum
_KEYS_PER_BYTE = 16  # all keys spelt out are 2 to 3 times the file in real ones; more is an attack on our memory
MOST_ENTRIES = 1 << 16


def read_table(span: Span) -> dict[bytes, Span]:
    """All entries of the table.

    Raises:
        CorruptFile: no table, a checksum that does not fit, a compressed block.
    """
    start = span.stop - FOOTER
    if start < 0 or bytes(span.data[span.stop - len(MAGIC) : span.stop]) != MAGIC:
        span.fail("it is no TensorFlow index (the mark at its end is missing); it is cut or of another format")
    footer = span.at(start, FOOTER)
    varint(footer), varint(footer)  # where the block of statistics is, which TensorFlow leaves empty
    found: dict[bytes, Span] = {}
    spelt, visited = 0, 0
    for _, handle in _entries(_block(span, footer)):
        block = _block(span, handle)
        visited += block.left
        if visited > span.stop:
            span.fail("its blocks overlap; it is damaged, copy it again", block.position)
        for key, value in _entries(block):
            spelt += len(key)
            if key in found or len(found) >= MOST_ENTRIES or spelt > _KEYS_PER_BYTE * span.stop:
                span.fail("it names an array twice or has too many names; it is damaged", value.position)
            found[key] = value
    return found


def _block(span: Span, handle: Span) -> Span:
    """The block at the place that two numbers name, checked."""
    start, size = varint(handle), varint(handle)
    whole = span.at(start, size + TRAILER)
    block = whole.within(size)
    compression, checksum = whole.number("B"), whole.number("I")
    if masked(crc32c(span.data[start : start + size + 1])) != checksum:
        span.fail("the checksum of a block does not fit; it is damaged, copy it again", start)
    if compression:
        span.fail(
            f"a block is compressed (type {compression}; 1 is Snappy), which TensorFlow's own index never is; "
            "write the checkpoint again with tf.train.Saver or tf.train.Checkpoint",
            start,
        )
    return block


def _entries(block: Span) -> Iterator[tuple[bytes, Span]]:
    block.need(4)
    restarts = int.from_bytes(block.data[block.stop - 4 : block.stop], "little")
    size = 4 * (restarts + 1)
    block.need(size)
    inside = Span(block.data, block.path, block.position, block.stop - size)
    key = b""
    while inside.left:
        shared, rest, length = varint(inside), varint(inside), varint(inside)
        if shared > len(key):
            inside.fail("a name continues one that is too short; it is damaged, copy it again")
        key = key[:shared] + bytes(inside.take(rest))
        yield key, inside.within(length)
