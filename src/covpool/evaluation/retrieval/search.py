"""The nearest vectors of a gallery, exactly, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from covpool.evaluation.predict import pick_device
from covpool.evaluation.retrieval.faiss_search import faiss_candidates
from covpool.evaluation.retrieval.rows import Metric, Rows, exact_scores
from covpool.evaluation.retrieval.scores import Scores, full_float32, spans

Backend = Literal["torch", "faiss"]


class Neighbours(NamedTuple):
    """Gallery positions (q, k) int64, nearest first, and their scores (q, k) float64, larger is nearer."""

    indices: np.ndarray
    scores: np.ndarray


def search(
    queries: np.ndarray | Tensor,
    gallery: np.ndarray | Tensor,
    k: int,
    *,
    metric: Metric = "cosine",
    exclude: np.ndarray | None = None,
    backend: Backend = "torch",
    device: str | torch.device = "cpu",
    memory: int = 2**28,
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """The ``k`` nearest rows of ``gallery`` for each row of ``queries``; equal scores in the order of positions.

    Exact: candidates are found by float32 products, and wherever the order of two scores, or who is among the first
    k, lies within the error of float32, it is decided by scores in float64. The ranks therefore do not depend on the
    backend, the device, the memory or what else is searched in the same call.

    Args:
        queries, gallery: (q, D) and (n, D), arrays, mapped files or tensors.
        k: how many; no more than there are.
        metric: ``"cosine"``, ``"dot"`` (inner product) or ``"euclid"`` (the score is minus the squared distance).
        exclude: for each query the position in the gallery that is itself and is left out, or -1.
        backend: ``"torch"``, or ``"faiss"`` (flat index, ``pip install faiss-cpu``; holds the gallery in memory).
        device: of torch's products.
        memory: bytes for a piece of scores and vectors, beside the inputs.
        progress: called with (queries done, queries).

    Raises:
        ValueError: shapes that do not fit, vectors that are not finite, or too large a k.

    Example:
        >>> found = search(np.array([[1.0, 0.1]]), np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0]]), k=2)
        >>> found.indices.tolist()
        [[1, 2]]
    """
    near = Rows(queries, metric)
    rows = near if gallery is queries else Rows(gallery, metric)
    left_out = _checked(exclude, near, rows, k)
    if backend not in ("torch", "faiss"):
        raise ValueError(f"backend needs to be 'torch' or 'faiss'; got {backend!r}")
    task = _Task(Scores(near, rows, pick_device(device)), left_out, k, memory)
    if backend == "faiss":
        proven = Scores(near, rows, torch.device("cpu"), summed=max(1, rows.length))
        find = faiss_candidates(proven, task.candidates, left_out)
    else:
        find = task.find
    indices, scores = np.empty((len(near), k), np.int64), np.empty((len(near), k))
    with full_float32():
        for part in spans(len(near), task.queries_at_once):
            indices[part], scores[part] = task.ranked(part, *find(part))
            if progress is not None:
                progress(part.stop, len(near))
    return Neighbours(indices, scores)


def _checked(exclude: np.ndarray | None, queries: Rows, gallery: Rows, k: int) -> np.ndarray:
    left_out = np.full(len(queries), -1, np.int64) if exclude is None else np.asarray(exclude, np.int64)
    if left_out.shape != (len(queries),) or left_out.max(initial=-1) >= len(gallery) or left_out.min(initial=0) < -1:
        raise ValueError(f"exclude needs a position in the gallery (or -1) for each of {len(queries)} queries")
    most = len(gallery) - bool((left_out >= 0).any())
    if not 1 <= k <= most:
        raise ValueError(f"k needs to be between 1 and {most}, the vectors that there are to find; got {k}")
    return left_out


@dataclass
class _Task:
    """One search: how much is read at once, candidates by float32, their final order."""

    scores: Scores
    exclude: np.ndarray
    k: int
    memory: int

    def __post_init__(self) -> None:
        n, length = len(self.scores.gallery), max(1, self.scores.gallery.length)
        self.candidates = min(n, self.k + max(16, self.k // 8))
        self.gallery_at_once = max(1, min(n, self.memory // (16 * length)))
        each = 4 * length + 4 * self.gallery_at_once + 48 * self.candidates
        self.queries_at_once = max(1, self.memory // (2 * each))

    def find(self, part: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Float32 scores (q, m) in falling order, their positions, and the bound of their errors (q,)."""
        queries = self.scores.to_device(self.scores.queries, part)
        best = queries.new_full((len(queries), 0), 0.0)
        places = torch.zeros(len(queries), 0, dtype=torch.int64, device=queries.device)
        for span in spans(len(self.scores.gallery), self.gallery_at_once):
            block = self.scores.block(queries, span)
            self._hide(block, part, span)
            top = block.topk(min(self.candidates, block.shape[1]), dim=1)
            best, places = torch.cat([best, top.values], 1), torch.cat([places, top.indices + span.start], 1)
            kept = best.topk(min(self.candidates, best.shape[1]), dim=1)
            best, places = kept.values, places.gather(1, kept.indices)
        return best.cpu().double().numpy(), places.cpu().numpy(), self.scores.bound(part)

    def _hide(self, block: Tensor, part: slice, span: slice) -> None:
        own = self.exclude[part]
        rows = np.flatnonzero((own >= span.start) & (own < span.stop))
        block[torch.from_numpy(rows), torch.from_numpy(own[rows] - span.start)] = float("-inf")

    def ranked(
        self, part: slice, best: np.ndarray, places: np.ndarray, bound: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The first k by (score, position), proven: what float32 cannot tell apart is computed anew."""
        unsure = 2 * bound[:, None]
        close = np.zeros(best.shape, bool)
        near = ~(best[:, :-1] - best[:, 1:] > unsure)
        close[:, :-1] |= near
        close[:, 1:] |= near
        close &= (best >= best[:, [self.k - 1]] - unsure) & (best > -np.inf)
        smallest = best.min(axis=1) if best.shape[1] < len(self.scores.gallery) else np.full(len(best), -np.inf)
        for row in np.flatnonzero(close.any(axis=1)):
            best[row, close[row]] = self._exact(part.start + int(row), places[row, close[row]])
        order = np.lexsort((places, -best), axis=1)[:, : self.k]
        best, places = np.take_along_axis(best, order, 1), np.take_along_axis(places, order, 1)
        for row in np.flatnonzero(~(best[:, -1] - smallest > 3 * bound)):
            places[row], best[row] = self._widely(part.start + int(row))
        return places, best

    def _exact(self, query: int, places: np.ndarray) -> np.ndarray:
        return exact_scores(self.scores.queries, query, self.scores.gallery, places)

    def _widely(self, query: int) -> tuple[np.ndarray, np.ndarray]:
        """For a query with more equals than there are candidates: all vectors that may be among the first k."""
        part = slice(query, query + 1)
        x = self.scores.to_device(self.scores.queries, part)
        blocks = []
        for span in spans(len(self.scores.gallery), self.gallery_at_once):
            block = self.scores.block(x, span)
            self._hide(block, part, span)
            blocks.append(block[0].cpu().double().numpy())
        row = np.concatenate(blocks)
        least = np.partition(row, len(row) - self.k)[len(row) - self.k]
        found = np.flatnonzero((row >= least - 2 * self.scores.bound(part)) & (row > -np.inf))
        exact = self._exact(query, found)
        order = np.lexsort((found, -exact))[: self.k]
        return found[order], exact[order]
