"""Datatypes and dataspaces.

Source: HDF5 File Format Specification, IV.A.2.b (dataspace) and IV.A.2.d (datatype).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from covpool.formats.span import MOST_DIMENSIONS, Span

NUMBER, STRING, REFERENCE, SEQUENCE, TEXT, OTHER = "number", "string", "reference", "sequence", "text", "other"
_FIXED, _FLOAT, _STRING, _REFERENCE, _ENUM, _VARIABLE = 0, 1, 3, 7, 8, 9
_NAMES = {2: "times", 4: "bit fields", 5: "opaque bytes", 6: "compounds", 10: "arrays"}
_BOUND = 1 << 20


class Type(NamedTuple):
    """What one element is."""

    kind: str
    size: int
    dtype: np.dtype | None = None  # of numbers
    name: str = ""


def read_type(span: Span) -> Type:
    """A datatype message."""
    first = span.number("B")
    bits = int.from_bytes(span.take(3), "little")
    size = span.number("I")
    kind = first & 0x0F
    if kind in (_FIXED, _FLOAT):
        return Type(NUMBER, size, _number(kind, bits, size, span))
    if kind == _STRING and 0 < size <= _BOUND:
        return Type(STRING, size)
    if kind == _REFERENCE and bits & 0x0F == 0 and size == 8:
        return Type(REFERENCE, size)
    if kind == _ENUM:
        base = read_type(span)
        return Type(NUMBER, base.size, base.dtype) if base.kind == NUMBER else Type(OTHER, size, name="enumerations")
    if kind == _VARIABLE and size == 16:
        return _variable(span, bits, size)
    return Type(OTHER, size, name=_NAMES.get(kind, f"elements of class {kind}"))


def _variable(span: Span, bits: int, size: int) -> Type:
    if bits & 0x0F == 1:
        return Type(TEXT, size)
    base = read_type(span)
    return Type(SEQUENCE, size, np.dtype(f"S{base.size}") if base.kind == STRING else base.dtype)


def _number(kind: int, bits: int, size: int, span: Span) -> np.dtype:
    order = ">" if bits & 1 else "<"
    letter = "f" if kind == _FLOAT else ("i" if bits & 0x08 else "u")
    if size not in ((2, 4, 8) if kind == _FLOAT else (1, 2, 4, 8)) or (kind == _FLOAT and bits & 0x40):
        span.fail(f"numbers of {size} bytes are not read; it is damaged, or save it with float32")
    return np.dtype(f"{order}{letter}{size}")


def read_space(span: Span) -> tuple[int, ...] | None:
    """The shape of a dataspace message; None: it holds nothing at all."""
    version, rank, _ = span.number("B"), span.number("B"), span.number("B")
    if version not in (1, 2) or rank > MOST_DIMENSIONS:
        span.fail(f"a shape has the version {version} and {rank} dimensions; it is damaged, copy it again")
    kind = span.number("B")
    if version == 1:
        span.take(4)
    elif kind == 2:
        return None
    return tuple(span.number("Q") for _ in range(rank))
