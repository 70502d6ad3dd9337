"""Two networks on the same pictures: McNemar's test and a paired bootstrap of their difference."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, binomtest

from covpool.evaluation.accuracy import Interval

DRAWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Paired:
    """What two networks did on the same pictures, a against b.

    ``difference`` is the accuracy of a minus that of b, ``interval`` its bootstrap interval; ``p_exact`` and ``p_mid``
    are of McNemar's test. ``verdict`` is "better" or "worse" (a than b) where the mid-p is below 1 - level, else
    "within noise".
    """

    pictures: int
    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    a: float
    b: float
    difference: float
    interval: Interval
    level: float
    draws: int
    p_exact: float
    p_mid: float
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "interval": list(self.interval)}


def compare_paired(
    a: NDArray[np.bool_], b: NDArray[np.bool_], *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Paired:
    """Hold ``a`` against ``b``, right or wrong on the same pictures in the same order.

    Example:
        >>> found = compare_paired(np.ones(100, bool), np.arange(100) >= 20)
        >>> found.difference, found.verdict
        (0.2, 'better')
    """
    a, b = np.asarray(a, bool), np.asarray(b, bool)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"a paired test needs the same pictures twice, at least one; got {a.shape} and {b.shape}")
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    p_mid = mcnemar(a, b, mid=True)
    sure = "better" if only_a > only_b else "worse"
    return Paired(
        pictures=len(a),
        both_right=int((a & b).sum()),
        only_a=only_a,
        only_b=only_b,
        both_wrong=int((~a & ~b).sum()),
        a=float(a.mean()),
        b=float(b.mean()),
        difference=(only_a - only_b) / len(a),
        interval=bootstrap_difference(a, b, level=level, draws=draws, seed=seed),
        level=level,
        draws=draws,
        p_exact=mcnemar(a, b),
        p_mid=p_mid,
        verdict=sure if p_mid < 1 - level else "within noise",
    )


def mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_], *, mid: bool = False) -> float:
    """Two-sided p of McNemar's test that two classifiers are right equally often on the same pictures.

    Exact: the binomial test of the pictures that one alone got right. With ``mid``, half of the probability of what
    was seen is taken away: the exact test rejects too seldom, the mid-p one keeps its level nearly always.
    Source: McNemar, Psychometrika 1947; mid-p: Fagerland, Lydersen and Laake, BMC Medical Research Methodology 2013.

    Example:
        >>> a, b = np.array([1, 1, 1, 1, 1, 0], bool), np.array([0, 0, 0, 0, 0, 0], bool)
        >>> round(mcnemar(a, b), 4), round(mcnemar(a, b, mid=True), 5)
        (0.0625, 0.03125)
    """
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    total = only_a + only_b
    if total == 0:
        return 1.0
    exact = float(binomtest(only_a, total, 0.5).pvalue)
    seen = float(binom.pmf(only_a, total, 0.5))
    return exact - (seen if only_a != only_b else seen / 2) * mid  # in the middle both tails share what was seen


def bootstrap_difference(
    a: NDArray[np.bool_], b: NDArray[np.bool_], *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Percentile interval of the accuracy of ``a`` minus that of ``b`` over sets of as many pictures drawn with return.

    Both networks are judged on the same drawn pictures. Only how often each of the three differences (-1, 0, 1) is
    drawn matters, so a drawn set is one draw of a multinomial distribution: exact, and as quick for 50,000 pictures
    as for ten. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    Args:
        draws: 10,000 give the ends of the interval to about a fiftieth of its width.
        seed: the same seed gives the same interval.

    Example:
        >>> low, high = bootstrap_difference(np.arange(100) < 90, np.arange(100) < 80)
        >>> 0 < low < 0.1 < high < 0.2
        True
    """
    n = len(a)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    shares = np.array([only_a, only_b, n - only_a - only_b]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=draws)
    tail = (1 - level) / 2
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [tail, 1 - tail])
    return Interval(float(low), float(high))
