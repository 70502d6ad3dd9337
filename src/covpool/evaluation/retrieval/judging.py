"""Recall@k, MAP@R, R-precision and mAP of vectors with labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from covpool.evaluation.accuracy import Interval, wilson_interval
from covpool.evaluation.result import write_json
from covpool.evaluation.retrieval.ranks import Ranks, positive_ranks
from covpool.evaluation.retrieval.rows import Metric
from covpool.evaluation.stamp import stamp

SCHEMA = "covpool-retrieval/1"
Unmatched = Literal["miss", "leave-out"]


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """What a search by vectors finds. Rates are in 0..1.

    ``recall`` has a rate a k, ``recall_interval`` Wilson's interval of it at 95 % (over queries, as if they were
    drawn independently). ``unmatched`` queries have no positive in the gallery; ``unmatched_keys`` names them, and
    ``unmatched_count_as`` says whether they are misses or left out.
    """

    queries: int
    gallery: int
    metric: str
    recall: dict[int, float]
    recall_interval: dict[int, Interval]
    map_at_r: float
    r_precision: float
    mean_average_precision: float
    unmatched: int
    unmatched_keys: list[str]
    unmatched_count_as: str
    about: dict[str, Any] = field(default_factory=dict)
    stamp: dict[str, Any] = field(default_factory=stamp)
    schema: str = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: the k of recall become text."""
        values = asdict(self)
        values["recall"] = {str(k): rate for k, rate in self.recall.items()}
        values["recall_interval"] = {str(k): list(both) for k, both in self.recall_interval.items()}
        return values

    def write(self, path: Any) -> None:
        """Write to ``path`` as JSON, whole or not at all."""
        write_json(path, self.to_dict())


def judge_retrieval(
    queries: np.ndarray | Tensor,
    labels: np.ndarray | Tensor,
    gallery: np.ndarray | Tensor | None = None,
    gallery_labels: np.ndarray | Tensor | None = None,
    *,
    ks: Sequence[int] = (1, 10, 100, 1000),
    metric: Metric = "cosine",
    unmatched: Unmatched = "miss",
    keys: Sequence[str] | None = None,
    device: str | torch.device = "cpu",
    memory: int = 2**28,
    about: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Retrieval:
    r"""Recall@k (a positive among the first k), MAP@R, R-precision and mAP over the queries.

    With the ranks $r_1 < r_2 < ...$ of a query's R positives: recall@k $= [r_1 \le k]$, R-precision $= \#\{r_i \le
    R\} / R$, MAP@R $= \frac1R \sum_{r_i \le R} i / r_i$, mAP $= \frac1R \sum_i i / r_i$.
    Source: Musgrave et al., ECCV 2020 (MAP@R); recall as Oh Song et al., CVPR 2016.
    Departs: the recall of Assemble-ResNet's code removes a query from its own results by its position among the
    queries, while the gallery keeps the distractors too; with a distractor in front of the queries a query finds
    itself and recall@1 is 1. Here it is removed by its position in the gallery.

    Args:
        queries, labels, gallery, gallery_labels, metric, device, memory, progress: as in ``positive_ranks``.
        ks: 1, 10, 100, 1000, as papers on Stanford Online Products print; any others.
        unmatched: ``"miss"`` counts a query without a positive as 0 in every mean, as the published recalls do;
            ``"leave-out"`` takes the means over the others.
        keys: names of the queries, for ``unmatched_keys``; their positions without.
        about: what to note in the result.

    Raises:
        ValueError: no query (with a positive, where others are left out), a k below 1, or what ``search`` raises.

    Example:
        >>> vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
        >>> judge_retrieval(vectors, np.array([0, 0, 1, 1]), ks=(1,)).recall
        {1: 1.0}
    """
    if not ks or min(ks) < 1:
        raise ValueError(f"recall needs every k to be at least 1; got {list(ks)}")
    if unmatched not in ("miss", "leave-out"):
        raise ValueError(f"unmatched needs to be 'miss' or 'leave-out'; got {unmatched!r}")
    ranks = positive_ranks(
        queries, labels, gallery, gallery_labels, metric=metric, device=device, memory=memory, progress=progress
    )
    lonely = ranks.queries[ranks.positives == 0].tolist()
    counted = len(ranks) - (len(lonely) if unmatched == "leave-out" else 0)
    if counted < 1:
        raise ValueError(f"retrieval needs at least one query with a positive; got {len(ranks)} queries without any")
    map_at_r, r_precision, mean_average_precision = (total / counted for total in _precisions(ranks))
    recall = {int(k): recall_at(ranks, k) / counted for k in ks}
    return Retrieval(
        queries=counted,
        gallery=ranks.gallery,
        metric=metric,
        recall=recall,
        recall_interval={k: wilson_interval(rate, counted) for k, rate in recall.items()},
        map_at_r=map_at_r,
        r_precision=r_precision,
        mean_average_precision=mean_average_precision,
        unmatched=len(lonely),
        unmatched_keys=[keys[i] if keys is not None else str(i) for i in lonely],
        unmatched_count_as=unmatched,
        about=dict(about or {}),
    )


def recall_at(ranks: Ranks, k: int) -> int:
    """How many queries find a positive among the first ``k``."""
    first = ranks.ranks[ranks.starts[:-1][ranks.positives > 0]]
    return int((first <= k).sum())


def _precisions(ranks: Ranks) -> tuple[float, float, float]:
    """Sums over the queries of MAP@R, R-precision and average precision; one without a positive adds nothing."""
    counts = ranks.positives
    each = np.repeat(counts, counts)
    order = np.arange(len(ranks.ranks)) - np.repeat(ranks.starts[:-1], counts) + 1
    inside = ranks.ranks <= each
    precision = order / ranks.ranks / each
    return float((inside * precision).sum()), float((inside / each).sum()), float(precision.sum())
