"""At which rank each query finds each of its positives: all that recall, MAP@R and precision are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from covpool.evaluation.predict import pick_device
from covpool.evaluation.retrieval.rows import Metric, Rows, exact_scores
from covpool.evaluation.retrieval.scores import Scores, full_float32, spans

DISTRACTOR = -1


@dataclass(frozen=True)
class Ranks:
    """Ranks from 1, in rising order, of the positives of each query: those of query i are ``of(i)``.

    Attributes:
        ranks: int64, all queries one after the other.
        starts: int64 (q + 1,): where each query begins.
        queries: int64 (q,): the positions of the queries among the vectors that were given as queries.
        gallery: how many vectors a query was compared with, itself left out.
    """

    ranks: np.ndarray
    starts: np.ndarray
    queries: np.ndarray
    gallery: int

    def __len__(self) -> int:
        return len(self.queries)

    def of(self, query: int) -> np.ndarray:
        """The ranks of one query's positives."""
        return self.ranks[self.starts[query] : self.starts[query + 1]]

    @property
    def positives(self) -> np.ndarray:
        """How many positives each query has (q,)."""
        return np.diff(self.starts)


def positive_ranks(
    queries: np.ndarray | Tensor,
    labels: np.ndarray | Tensor,
    gallery: np.ndarray | Tensor | None = None,
    gallery_labels: np.ndarray | Tensor | None = None,
    *,
    metric: Metric = "cosine",
    device: str | torch.device = "cpu",
    memory: int = 2**28,
    progress: Callable[[int, int], None] | None = None,
) -> Ranks:
    """The rank of every positive (a gallery vector with the query's label) of every query.

    Without a gallery the queries are searched in themselves, and each leaves itself out by its position. Equal scores
    rank by position. Scores that float32 cannot tell apart are compared in float64, as in ``search``.

    Args:
        queries: (q, D); those with label -1 are distractors: gallery only.
        labels: of the queries, (q,) int.
        gallery, gallery_labels: (n, D) and (n,), where other vectors are searched.
        metric, device, memory, progress: as in ``search``.

    Example:
        >>> ranks = positive_ranks(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), np.array([5, 7, 5]))
        >>> ranks.of(0)
        array([2])
    """
    own = gallery is None
    near = Rows(queries, metric)
    rows = near if gallery is None else Rows(gallery, metric)
    known = _labels(labels, near)
    groups = _Groups(known if gallery_labels is None else _labels(gallery_labels, rows), len(rows))
    if own != (gallery_labels is None):
        raise ValueError("a gallery needs gallery_labels, and gallery_labels a gallery")
    asked = np.flatnonzero(known != DISTRACTOR)
    scores = Scores(near, rows, pick_device(device))
    step = max(1, memory // (24 * max(1, len(rows)) + 4 * rows.length))
    wide = max(1, min(len(rows), memory // (16 * rows.length)))
    found: list[np.ndarray] = []
    with full_float32():
        for part in spans(len(asked), step):
            block = _all_scores(scores, asked[part], wide)
            bounds = scores.bound(asked[part])
            for row, query, bound in zip(block, asked[part].tolist(), bounds.tolist(), strict=True):
                found.append(_ranked(scores, row, query, bound, groups.of(known[query], query if own else -1), own))
            if progress is not None:
                progress(part.stop, len(asked))
    starts = np.cumsum([0, *map(len, found)])
    ranks = np.concatenate([np.zeros(0, np.int64), *found])
    return Ranks(ranks, starts, asked, len(rows) - own)


class _Groups:
    """Positions of each label."""

    def __init__(self, labels: np.ndarray, total: int) -> None:
        self.order = np.argsort(labels, kind="stable")
        self.sorted = labels[self.order]

    def of(self, label: int, without: int) -> np.ndarray:
        low, high = np.searchsorted(self.sorted, [label, label + 1])
        members = self.order[low:high]
        return members[members != without]


def _labels(labels: np.ndarray | Tensor, rows: Rows) -> np.ndarray:
    array = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    if array.shape != (len(rows),) or array.dtype.kind not in "iu":
        raise ValueError(f"needed {len(rows)} whole numbers as labels; got shape {array.shape} of {array.dtype}")
    return array.astype(np.int64)


def _all_scores(scores: Scores, queries: np.ndarray, wide: int) -> np.ndarray:
    x = scores.to_device(scores.queries, queries)
    block = np.empty((len(queries), len(scores.gallery)), np.float32)
    for span in spans(len(scores.gallery), wide):
        block[:, span] = scores.block(x, span).cpu().numpy()
    return block


def _ranked(scores: Scores, row: np.ndarray, query: int, bound: float, positives: np.ndarray, own: bool) -> np.ndarray:
    """Rank of each positive = positives up to it + negatives before it."""
    if not len(positives):
        return np.zeros(0, np.int64)
    theirs = row[positives].astype(np.float64)
    row[positives] = -np.inf
    if own:
        row[query] = -np.inf
    order = np.argsort(row)
    ordered, unsure = row[order], 2 * bound
    high = np.searchsorted(ordered, _up(theirs + unsure), side="right")
    low = np.searchsorted(ordered, _down(theirs - unsure), side="left")
    before = len(row) - high
    if (high > low).any():
        near = _union(order, low, high)
        before = before - _beyond(row[near], _up(theirs + unsure)) + _ahead(scores, query, near, positives)
    return np.sort(before) + np.arange(1, len(before) + 1)


def _up(values: np.ndarray) -> np.ndarray:
    """As float32, not below: the scores are float32, and a search among them must not convert them all."""
    return np.nextafter(values.astype(np.float32), np.float32(np.inf))


def _down(values: np.ndarray) -> np.ndarray:
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf))


def _union(order: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """What stands in ``order`` from any low to its high: negatives that float32 cannot tell from a positive."""
    steps = np.zeros(len(order) + 1, np.int64)
    np.add.at(steps, low, 1)
    np.add.at(steps, high, -1)
    return order[np.cumsum(steps[:-1]) > 0]


def _beyond(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    return len(values) - np.searchsorted(np.sort(values), limits, side="right")


def _ahead(scores: Scores, query: int, near: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """How many of ``near`` come before each positive: a higher score in float64, or an equal one further in front."""
    theirs, mine = (exact_scores(scores.queries, query, scores.gallery, places) for places in (near, positives))
    order = np.lexsort((near, theirs))
    near, theirs = near[order], theirs[order]
    low, high = (np.searchsorted(theirs, mine, side=side) for side in ("left", "right"))
    ahead = len(near) - high
    for place in np.flatnonzero(high > low):
        ahead[place] += np.searchsorted(near[low[place] : high[place]], positives[place])
    return ahead
