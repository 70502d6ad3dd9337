"""Name -> array, each read when it is asked for: what every reader gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Stored:
    """One array of a file: what is known without reading it, and how to read it.

    Args:
        shape: as the file states it.
        dtype: the type in the file, as a word (``bfloat16`` has no numpy type).
        load: reads it; a numpy array that may be written to (files of PyTorch give tensors).
    """

    shape: tuple[int, ...]
    dtype: str
    load: Callable[[], Any]


class Arrays(Mapping[str, Any]):
    """The arrays of a file by name, in the order of the file, read one at a time.

    Args:
        stored: name -> :class:`Stored`.
        format: the format's name, for people.
        listed: the names are only numbers that give an order.
        order: the names of the network's own variables in the order in which they were made, where the file knows it.
        left_out: what else the file holds and is no array of numbers: name -> what it is.

    Example:
        >>> arrays = Arrays({"w": Stored((2,), "float32", lambda: np.zeros(2, np.float32))}, "example")
        >>> arrays["w"], arrays.stored["w"].shape
        (array([0., 0.], dtype=float32), (2,))
    """

    def __init__(
        self,
        stored: Mapping[str, Stored],
        format: str,
        *,
        listed: bool = False,
        left_out: Mapping[str, str] | None = None,
        order: Sequence[str] | None = None,
    ) -> None:
        self.stored, self.format, self.listed = dict(stored), format, listed
        self.left_out, self.order = dict(left_out or {}), order

    def __getitem__(self, name: str) -> Any:
        return self.stored[name].load()

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)

    def __contains__(self, name: object) -> bool:
        return name in self.stored  # Mapping's own would read the array


def held(array: np.ndarray) -> Stored:
    """An array that is in memory already."""
    return Stored(array.shape, array.dtype.name, lambda: array)
