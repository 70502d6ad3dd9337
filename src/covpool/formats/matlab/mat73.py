"""MATLAB files of version 7.3, which are HDF5: variables as values, numbers left in the file.

Every object says its MATLAB class in an attribute. Dimensions stand in reverse, since MATLAB counts its first one
fastest. A cell is a dataset of references into ``/#refs#``; a struct is a group of its fields, and in a struct array
each field is a dataset of references. (MathWorks does not document the layout; it is that of hdf5storage and mat73.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from covpool.formats.hdf5 import Dataset, Group, open_hdf5
from covpool.formats.matlab.values import Cell, Numbers, Struct, Text, Unread, Value

_CLASS, _EMPTY, _FIELDS = "MATLAB_class", "MATLAB_empty", "MATLAB_fields"
_NUMBERS = {"double", "single", "logical", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
_MOST_VALUES = 1 << 16  # a network has some thousands
_DEEPEST = 32
_LONGEST_TEXT = 1 << 20


def read_mat73(path: str | Path) -> dict[str, Value]:
    """The variables of a file.

    Raises:
        CorruptFile: cut, damaged, or written in a way that is not read.
        OSError: it cannot be opened.
    """
    root = open_hdf5(path)
    reader = _Reader(root)
    return {name: reader.value(root.at(root.members[name]), 0) for name in root.members if not name.startswith("#")}


class _Reader:
    def __init__(self, root: Group) -> None:
        self.file, self.count = root.file, 0

    def value(self, found: Group | Dataset, depth: int) -> Value:
        self.count += 1
        if self.count > _MOST_VALUES or depth > _DEEPEST:
            self.file.fail(f"it has more than {_MOST_VALUES} values or they run in a circle; it is damaged")
        kind = found.attributes.get(_CLASS)
        if isinstance(found, Group):
            return self._struct(found, depth)
        if _truth(found.attributes.get(_EMPTY)):
            return _empty(kind, found)
        if kind == "cell":
            return Cell(found.shape[::-1], self._followed(found, depth))
        if kind == "char":
            return _text(found)
        if kind in _NUMBERS or (kind is None and found.type.kind == "number"):
            return _numbers(found, np.dtype("?") if kind == "logical" else None)
        return Unread(f"of class {kind}")

    def _followed(self, found: Dataset, depth: int) -> list[Value]:
        """What the references of a dataset lead to, in MATLAB's order."""
        if found.type.kind != "reference" or math.prod(found.shape) > _MOST_VALUES:
            self.file.fail("a cell or struct does not hold references; it is damaged, copy it again", found.address)
        return [self.value(found.at(int(address)), depth + 1) for address in found.reader()().ravel()]

    def _struct(self, group: Group, depth: int) -> Struct:
        listed = group.attributes.get(_FIELDS)
        names = [name for name in listed if name in group.members] if isinstance(listed, list) else []
        names += [name for name in group.members if name not in names]
        fields = {name: group.at(group.members[name]) for name in names}
        first = next(iter(fields.values()), None)
        if isinstance(first, Dataset) and first.type.kind == "reference" and _CLASS not in first.attributes:
            columns = {name: self._column(field, first.shape, depth) for name, field in fields.items()}
            return Struct(first.shape[::-1], columns)
        return Struct((1, 1), {name: [self.value(field, depth + 1)] for name, field in fields.items()})

    def _column(self, field: Group | Dataset, shape: tuple[int, ...], depth: int) -> list[Value]:
        if not isinstance(field, Dataset) or field.shape != shape:
            self.file.fail("the fields of a struct array differ in size; it is damaged, copy it again", field.address)
        return self._followed(field, depth)


def _truth(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.size == 1 and bool(value.item())


def _empty(kind: object, found: Dataset) -> Value:
    """An empty value: the dataset holds its shape."""
    if found.type.kind != "number" or math.prod(found.shape) > _DEEPEST:
        found.file.fail("an empty value has no shape; it is damaged, copy it again", found.address)
    shape = tuple(int(length) for length in found.reader()().ravel())
    if kind == "cell":
        return Cell(shape, [])
    if kind == "struct":
        return Struct(shape, {})
    if kind == "char":
        return Text("")
    if math.prod(shape) or min(shape, default=0) < 0:
        found.file.fail(f"an empty value has the shape {shape}; it is damaged, copy it again", found.address)
    return Numbers(shape, np.dtype("f8"), partial(np.zeros, shape))


def _text(found: Dataset) -> Text | Unread:
    size = math.prod(found.shape)
    if found.type.kind != "number" or size > _LONGEST_TEXT or size not in found.shape:
        return Unread("a table of characters")
    return Text(found.reader()().astype("<u2").tobytes().decode("utf-16-le", "replace"))


def _numbers(found: Dataset, dtype: np.dtype | None) -> Numbers | Unread:
    if found.type.kind != "number" or found.type.dtype is None:
        return Unread("complex numbers")
    dtype = dtype or found.type.dtype.newbyteorder("=")
    return Numbers(found.shape[::-1], dtype, partial(_load, found.reader(), dtype))


def _load(reader: Callable[[], np.ndarray], dtype: np.dtype) -> np.ndarray:
    return np.ascontiguousarray(reader().transpose(), dtype)
