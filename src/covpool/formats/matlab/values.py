"""What a MATLAB variable can be, whichever version of the file holds it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np


@dataclass(frozen=True)
class Numbers:
    """An array of numbers in MATLAB's shape, read when ``load`` is called."""

    shape: tuple[int, ...]
    dtype: np.dtype
    load: Callable[[], np.ndarray]

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Text:
    """A row of characters."""

    text: str


@dataclass(frozen=True)
class Cell:
    """A cell array; ``items`` in MATLAB's (column-major) order."""

    shape: tuple[int, ...]
    items: list[Value]


@dataclass(frozen=True)
class Struct:
    """A struct array; each field has one value an element, in MATLAB's order."""

    shape: tuple[int, ...]
    fields: dict[str, list[Value]]

    def one(self, name: str) -> Value | None:
        """The field of a struct with one element; None where there is none."""
        values = self.fields.get(name, [])
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True)
class Unread:
    """What no network needs: sparse matrices, functions, objects of classes."""

    kind: str


Value: TypeAlias = Numbers | Text | Cell | Struct | Unread
