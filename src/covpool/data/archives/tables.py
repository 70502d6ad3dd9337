"""The lists that publishers put beside their pictures: lines of columns, CSV, MATLAB's .mat."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from covpool.data.archives.tree import Tree
from covpool.data.errors import BadSource
from covpool.formats import CorruptFile
from covpool.formats.matlab import Cell, Numbers, Struct, Text, read_mat5


def read_rows(tree: Tree, name: str, columns: int, *, skip: int = 0) -> list[list[str]]:
    """Lines of at least ``columns`` words; the last word takes the rest of its line. Comments (#) are left out.

    Raises:
        BadSource: a line with fewer words.
    """
    rows = []
    for number, line in enumerate(tree.text(name).splitlines(), 1):
        if number <= skip or not line.strip() or line.startswith("#"):
            continue
        words = line.split(maxsplit=columns - 1)
        if len(words) < columns:
            raise _wrong(tree, name, f"line {number} needs {columns} columns; got {line!r}")
        rows.append([word.strip() for word in words])
    return rows


def read_csv(tree: Tree, name: str) -> list[list[str]]:
    """Lines ``picture,label``; a heading (a label that is no number) is passed over."""
    rows = [row for row in csv.reader(tree.text(name).splitlines()) if row]
    if any(len(row) < 2 for row in rows):
        raise _wrong(tree, name, "every line needs a picture and a label, with a comma between")
    return rows[1:] if rows and not rows[0][1].strip().isdecimal() else rows


def whole(tree: Tree, name: str, word: str, *, first: int, last: int | None = None) -> int:
    """A whole number from ``first`` to ``last``."""
    value = int(word) if word.strip().isdecimal() else first - 1
    if value < first or (last is not None and value > last):
        limits = f"from {first} to {last}" if last is not None else f"of at least {first}"
        raise _wrong(tree, name, f"a label needs to be a whole number {limits}; got {word!r}")
    return value


def read_mat(tree: Tree, name: str, *, fields: Collection[str] = ()) -> dict[str, Any]:
    """The variables of a .mat file: arrays, texts, lists of cells; of structs lists of dictionaries of ``fields``."""
    with tempfile.NamedTemporaryFile(suffix=".mat") as copy:  # the file may lie inside an archive
        Path(copy.name).write_bytes(tree.content(name))
        try:
            return {key: _plain(value, fields) for key, value in read_mat5(copy.name).items()}
        except CorruptFile as error:
            raise _wrong(tree, name, str(error)) from error


def _plain(value: Any, wanted: Collection[str]) -> Any:
    if isinstance(value, Numbers):
        array = value.load()
        return array.item() if array.size == 1 else np.ravel(array, order="F")
    if isinstance(value, Text):
        return str(value.text)
    if isinstance(value, Cell):
        return [_plain(item, wanted) for item in value.items]
    if isinstance(value, Struct):
        fields = {
            name: [_plain(item, wanted) for item in items] for name, items in value.fields.items() if name in wanted
        }
        return [dict(zip(fields, row, strict=True)) for row in zip(*fields.values(), strict=True)]
    return None


def _wrong(tree: Tree, name: str, what: str) -> BadSource:
    return BadSource(tree.place, [f"{name!r} of {tree.place!r} is not as published: {what}; download it again"])
