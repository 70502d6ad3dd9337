"""The members of a group: name -> address of the object.

Source: HDF5 File Format Specification, III.A (trees), III.B (symbol tables), III.D (local heap), IV.A.2.g (links).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covpool.formats.hdf5.headers import LATEST, LINK, LINK_INFO, NOWHERE, SYMBOL_TABLE, File, Message
from covpool.formats.span import Span

_SOFT_LINK = 2
_DEEPEST = 16


def members(file: File, messages: Sequence[Message]) -> dict[str, int]:
    """The hard links of a group; soft and external ones are not followed."""
    found: dict[str, int] = {}
    for message in messages:
        if message.kind == SYMBOL_TABLE:
            found.update(_symbols(file, message.body))
        elif message.kind == LINK:
            found.update(_link(message.body))
        elif message.kind == LINK_INFO:
            _refuse_dense(message.body)
    return found


def _refuse_dense(body: Span) -> None:
    body.take(1)
    flags = body.number("B")
    body.take(8 * (flags & 1))
    if body.number("Q") != NOWHERE:
        body.fail(f"a group keeps its members in a fractal heap, which is not read; {LATEST}")


def _link(body: Span) -> Iterator[tuple[str, int]]:
    body.take(1)
    flags = body.number("B")
    kind = body.number("B") if flags & 0x08 else 0
    body.take(8 * bool(flags & 0x04) + bool(flags & 0x10))
    name = _text(body.take(body.number("BHIQ"[flags & 3])))
    if kind == 0:
        yield name, body.number("Q")


def _symbols(file: File, body: Span) -> Iterator[tuple[str, int]]:
    tree, heap = body.number("Q"), body.number("Q")
    names = _heap(file, heap)
    for address in leaves(file, tree, kind=0, key_size=8):
        node = file.at(address)
        if bytes(node.take(4)) != b"SNOD":
            node.fail("a group has no list where one should be; it is damaged, copy it again")
        node.take(2)
        for _ in range(node.number("H")):
            place, header, cached = node.number("Q"), node.number("Q"), node.number("I")
            node.take(20)
            if cached != _SOFT_LINK:
                yield _name(names, place), header


def leaves(file: File, address: int, kind: int, key_size: int) -> list[int]:
    """Addresses of what the leaves of a tree point to, in order."""
    return [child for _, child in entries(file, address, kind, key_size)]


def entries(file: File, address: int, kind: int, key_size: int) -> list[tuple[Span, int]]:
    """Key and address of everything below a tree, in order; each node is visited once."""
    found: list[tuple[Span, int]] = []
    seen: set[int] = set()
    todo = [(address, _DEEPEST)]
    while todo:
        here, above = todo.pop()
        level, pairs = _node(file, here, kind, key_size)
        if here in seen or level >= above:
            file.fail("a tree runs in a circle; it is damaged, copy it again", here)
        seen.add(here)
        file.spend(len(pairs))
        if level:
            todo += [(child, level) for _, child in reversed(pairs)]
        else:
            found += pairs
    return found


def _node(file: File, address: int, kind: int, key_size: int) -> tuple[int, list[tuple[Span, int]]]:
    node = file.at(address)
    if bytes(node.take(4)) != b"TREE" or node.number("B") != kind:
        node.fail("there is no tree where one should be; it is damaged, copy it again")
    level, count = node.number("B"), node.number("H")
    node.take(16)  # its neighbours
    return level, [(node.within(key_size), node.number("Q")) for _ in range(count)]


def _heap(file: File, address: int) -> Span:
    heap = file.at(address)
    if bytes(heap.take(4)) != b"HEAP":
        heap.fail("a group has no names where they should be; it is damaged, copy it again")
    heap.take(4)
    size = heap.number("Q")
    heap.take(8)
    return file.at(heap.number("Q"), size)


def _name(names: Span, place: int) -> str:
    inside = names.at(names.position + place)
    longest = bytes(inside.data[inside.position : min(inside.position + 4096, names.stop)])
    if b"\0" not in longest:
        names.fail("a name does not end; it is damaged, copy it again")
    return _text(longest.split(b"\0")[0])


def _text(raw: bytes | memoryview) -> str:
    return str(raw, "utf-8", "replace")
