"""Scores of many queries against many vectors in float32, with a bound of their error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from covpool.evaluation.retrieval.rows import Rows

_BLOCK = 256  # numbers summed in one product: the bound of the error grows with them, not with D
_UNIT = 2.0**-24
_TINIEST = 2.0**-126


class Scores:
    r"""Float32 scores $s$ with $|s - exact| \le$ ``bound``, where exact is that of ``exact_scores``.

    The bound is the textbook's for a sum of n products in any order, $\gamma_n |x| |y|$ with $\gamma_n \approx n
    2^{-24}$ (Higham, Accuracy and Stability of Numerical Algorithms, 3.1); it is kept small by adding up products of
    256 numbers each.

    Args:
        queries, gallery: of one metric and length.
        device: where the products are computed.
        summed: numbers that are summed in one product; D where another library computes.
    """

    def __init__(self, queries: Rows, gallery: Rows, device: torch.device, summed: int = _BLOCK) -> None:
        if queries.length != gallery.length:
            raise ValueError(
                f"queries and gallery need vectors of one length; got {queries.length} and {gallery.length}"
            )
        self.queries, self.gallery, self.device = queries, gallery, device
        pieces = -(-gallery.length // summed)
        self._terms = 1.01 * (min(summed, gallery.length) + pieces + 12) * _UNIT

    def bound(self, queries: slice | np.ndarray) -> np.ndarray:
        """Float64 (q,): the largest error of the scores of each query."""
        cosine = self.gallery.metric == "cosine"
        lengths = np.ones_like(self.queries.norms[queries]) if cosine else self.queries.norms[queries]
        longest = self.gallery.longest
        size = (lengths + longest) ** 2 if self.gallery.metric == "euclid" else lengths * longest
        return self._terms * 1.0001 * size + self.gallery.length * _TINIEST

    def block(self, queries: Tensor, gallery: slice) -> Tensor:
        """Scores (q, g) of queries that ``to_device`` gave against the rows ``gallery``."""
        rows = self.to_device(self.gallery, gallery)
        scores = queries.new_zeros(len(queries), len(rows))
        for start in range(0, rows.shape[1], _BLOCK):
            part = slice(start, start + _BLOCK)
            scores.addmm_(queries[:, part], rows[:, part].T)
        if self.gallery.metric != "euclid":
            return scores
        own, others = (x.double().square().sum(dim=1).float() for x in (queries, rows))
        return scores.mul_(2).sub_(others).sub_(own[:, None])

    def to_device(self, rows: Rows, where: slice | np.ndarray) -> Tensor:
        """Rows as a tensor where the products are computed."""
        return torch.from_numpy(rows.read(where)).to(self.device)


@contextmanager
def full_float32() -> Iterator[None]:
    """Products of float32 in float32 inside the block, whatever the session allows (TF32, bfloat16)."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def spans(total: int, step: int) -> Iterator[slice]:
    """0..total in slices of ``step``.

    Example:
        >>> [(s.start, s.stop) for s in spans(5, 2)]
        [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, total, step):
        yield slice(start, min(total, start + step))
