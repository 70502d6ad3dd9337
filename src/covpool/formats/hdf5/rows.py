"""Some rows of a dataset, without reading the others: a row is one step along the first dimension as stored."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np

from covpool.formats.hdf5.file import Dataset
from covpool.formats.hdf5.headers import FILTERS, LAYOUT, NOWHERE
from covpool.formats.hdf5.storage import _assemble, _Chunk, _chunks, read_filters

_CONTIGUOUS, _CHUNKED = 1, 2
_KEPT = 4  # unpacked bands of chunks: a reader in order needs one


class Rows:
    """Rows of a dataset of numbers; what lies in one piece is mapped, chunks are unpacked band by band.

    Args:
        dataset: it is checked as a whole here, and read later.

    Raises:
        CorruptFile: as :meth:`Dataset.reader`.
    """

    def __init__(self, dataset: Dataset) -> None:
        whole = dataset.reader()  # checks sizes, chunks and filters against the file; reads nothing
        assert dataset.type.dtype is not None
        self.shape: tuple[int, ...] = dataset.shape
        self.dtype = dataset.type.dtype
        self._bands: OrderedDict[int, np.ndarray] = OrderedDict()
        self._chunks: dict[int, list[_Chunk]] = {}
        layout = dataset.body(LAYOUT, "layout")
        _, kind = layout.number("B"), layout.number("B")
        self._array: np.ndarray | None = None
        if kind == _CONTIGUOUS and all(self.shape):
            address, size = layout.number("Q"), layout.number("Q")
            raw = dataset.file.at(address, size).take(math.prod(self.shape) * self.dtype.itemsize)
            self._array = np.frombuffer(raw, self.dtype).reshape(self.shape)
        elif kind == _CHUNKED:
            self._find_chunks(dataset)
        else:
            self._array = whole()

    def _find_chunks(self, dataset: Dataset) -> None:
        layout = dataset.body(LAYOUT, "layout")
        layout.take(2)
        rank, tree = layout.number("B") - 1, layout.number("Q")
        self._sizes = tuple(layout.number("I") for _ in range(rank))
        self._filters = read_filters(dataset.body(FILTERS, "filters")) if dataset.first(FILTERS) else []
        for chunk in _chunks(dataset.file, tree, rank) if tree != NOWHERE else []:
            self._chunks.setdefault(chunk.corner[0], []).append(chunk)

    def __getitem__(self, row: int) -> np.ndarray:
        """One row, in native byte order."""
        if self._array is not None:
            return self._array[row].astype(self.dtype.newbyteorder("="), copy=False)
        start = row // self._sizes[0] * self._sizes[0]
        return self._band(start)[row - start]

    def _band(self, start: int) -> np.ndarray:
        band = self._bands.get(start)
        if band is None:
            rows = min(self._sizes[0], self.shape[0] - start)
            inside = [chunk._replace(corner=(0, *chunk.corner[1:])) for chunk in self._chunks[start]]
            band = _assemble(inside, self._filters, self._sizes, (rows, *self.shape[1:]), self.dtype)
            self._bands[start] = band
            while len(self._bands) > _KEPT:
                self._bands.popitem(last=False)
        return band
