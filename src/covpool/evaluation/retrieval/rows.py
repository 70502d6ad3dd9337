"""Rows of vectors, in memory or mapped from a file, as a search reads them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from torch import Tensor

Metric = Literal["cosine", "dot", "euclid"]

_PIECE = 32 * 2**20  # bytes of float64 that one step may take
_LARGEST = 1e15  # a norm whose square, times any length, is far from the end of float32


class Rows:
    """The rows of ``vectors`` (n, D) as a metric compares them, read piece by piece.

    For ``"cosine"`` a row is divided by its norm when it is read; a row of zeros stays, and is as near to any
    vector as to any other. What is read depends on the row alone, so that equal rows have equal scores wherever
    they lie.

    Args:
        vectors: numpy array (a mapped file is read in pieces), or tensor.
        metric: ``"cosine"``, ``"dot"`` or ``"euclid"``.

    Raises:
        ValueError: not n rows of numbers, numbers that are not finite, or norms beyond 1e15.

    Example:
        >>> Rows(np.array([[3.0, 4.0]], np.float32), "cosine").read(slice(0, 1))
        array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, vectors: np.ndarray | Tensor, metric: Metric) -> None:
        if metric not in get_args(Metric):
            raise ValueError(f"metric needs to be one of {', '.join(get_args(Metric))}; got {metric!r}")
        array = vectors.detach().cpu().numpy() if isinstance(vectors, Tensor) else vectors
        if array.ndim != 2 or array.shape[1] < 1 or array.dtype.kind not in "fiu":
            raise ValueError(f"a search needs rows of vectors (n, D); got shape {array.shape} of {array.dtype}")
        self.array, self.metric = array, metric
        self.norms = np.concatenate([np.zeros(0), *(_norms(piece) for _, piece in self.pieces())])
        wrong = np.flatnonzero(~(self.norms < _LARGEST))
        if len(wrong):
            what = "hold NaN or infinity" if not np.isfinite(self.norms[wrong]).all() else "are longer than 1e15"
            shown = ", ".join(map(str, wrong[:5])) + ("..." if len(wrong) > 5 else "")
            raise ValueError(f"{len(wrong)} vectors {what} (rows {shown}); leave them out or scale them")

    def __len__(self) -> int:
        return len(self.array)

    @property
    def length(self) -> int:
        """D."""
        return self.array.shape[1]

    @property
    def longest(self) -> float:
        """The largest norm of what ``read`` gives."""
        if self.metric == "cosine":
            return 1.0
        return float(self.norms.max(initial=0.0))

    def raw(self, where: slice | np.ndarray) -> np.ndarray:
        """The rows at ``where`` in float32, as they are."""
        return np.ascontiguousarray(self.array[where], dtype=np.float32)

    def read(self, where: slice | np.ndarray) -> np.ndarray:
        """The rows at ``where`` in float32, as the metric compares them."""
        rows = self.raw(where)
        if self.metric != "cosine":
            return rows
        return (rows / self.divisors(where)[:, None]).astype(np.float32)

    def divisors(self, where: slice | np.ndarray) -> np.ndarray:
        """The norms at ``where``; 1 for a row of zeros."""
        return np.where(self.norms[where] > 0, self.norms[where], 1.0)

    def pieces(self) -> Any:
        """(position, float64 rows) from the first to the last, a few at a time."""
        step = max(1, _PIECE // (8 * max(1, self.array.shape[1])))
        for start in range(0, len(self.array), step):
            rows = np.asarray(self.array[start : start + step], dtype=np.float32)
            yield start, rows.astype(np.float64)


def _norms(rows: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.sqrt(np.square(rows).sum(axis=1))


def exact_scores(queries: Rows, query: int, gallery: Rows, places: np.ndarray) -> np.ndarray:
    r"""The scores of one query against the rows ``places`` in float64.

    $x \cdot y$, for ``"cosine"`` over $|x| |y|$, and $-|x - y|^2$ for ``"euclid"``. A product of two float32 is exact
    in float64, and the sum of a pair is taken in one order whatever pairs stand beside it: the same two vectors have
    the same score in every search, by any library, in pieces of any size.
    """
    x = queries.raw(slice(query, query + 1)).astype(np.float64)
    step = max(1, _PIECE // (16 * gallery.length))
    found = np.empty(len(places), np.float64)
    for start in range(0, len(places), step):
        part = slice(start, start + step)
        y = gallery.raw(places[part]).astype(np.float64)
        product = np.multiply(y, x, out=y) if gallery.metric != "euclid" else np.square(np.subtract(y, x, out=y), out=y)
        found[part] = product.sum(axis=1)
    if gallery.metric == "euclid":
        return -found
    if gallery.metric == "dot":
        return found
    return found / gallery.divisors(places) / queries.divisors(slice(query, query + 1))
