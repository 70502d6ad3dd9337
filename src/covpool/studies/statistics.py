"""Intervals for accuracies and their differences over test pictures and seeds.

Right or wrong is a table of S seeds (runs) by n pictures. Its mean varies because other pictures could have been
drawn and because other runs could have been made; both are taken as random and crossed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from covpool.evaluation import wilson_interval

LEVEL = 0.95
METHOD = (
    "Wilson score interval with the effective number of pictures p(1 - p)/V and Student's t (Satterthwaite), "
    "V the variance of the mean over pictures and seeds"
)
METHOD_ONE_SEED = "Wilson score interval over the pictures (one run)"


@dataclass(frozen=True)
class Spread:
    """Variance of a mean over seeds and pictures, and its degrees of freedom (infinite without seeds)."""

    variance: float
    freedom: float

    def quantile(self, level: float) -> float:
        """Two-sided quantile of Student's t with these degrees of freedom."""
        tail = 0.5 + level / 2
        return float(norm.ppf(tail) if np.isinf(self.freedom) else t.ppf(tail, self.freedom))


def spread_of_mean(table: NDArray[Any]) -> Spread:
    r"""Variance of the mean of a (seeds, pictures) table, both random: $V = s_i^2/n + s_r^2/S - s_e^2/(nS)$.

    $s_i^2$ is the variance of the pictures' means, $s_r^2$ of the runs' means, $s_e^2$ of what remains; the last
    term is subtracted because both others hold it. Degrees of freedom after Satterthwaite:
    $V^2 / ((s_i^2/n)^2/(n-1) + (s_r^2/S)^2/(S-1))$. The variance of the pictures gets two more
    pictures with half a change each way (Agresti and Min, Biometrics 2005), so that it is never zero.

    Args:
        table: 0/1 of an accuracy, or -1/0/1 of a paired difference.

    Example:
        >>> round(spread_of_mean(np.array([[1, 1, 0, 1] * 25])).variance, 4)
        0.002
    """
    values = np.asarray(table, dtype=np.float64)
    seeds, n = values.shape
    by_picture, by_seed = values.mean(axis=0), values.mean(axis=1)
    mean = by_picture.sum() / (n + 2)
    pictures = ((np.square(by_picture).sum() + 1) / (n + 2) - mean**2) / (n + 2)
    if seeds == 1:
        return Spread(float(pictures), float("inf"))
    runs = by_seed.var(ddof=1) / seeds
    rest = values - by_picture - by_seed[:, None] + values.mean()
    shared = np.square(rest).sum() / max((seeds - 1) * (n - 1), 1) / (n * seeds)
    variance = max(pictures + runs - shared, pictures, runs)
    freedom = variance**2 / (pictures**2 / max(n - 1, 1) + runs**2 / (seeds - 1))
    return Spread(float(variance), float(freedom))


def accuracy_summary(correct: NDArray[np.bool_], level: float = LEVEL) -> dict[str, Any]:
    """Mean accuracy of (seeds, pictures) with its interval, as the ``accuracy`` of a row of results.

    One seed: Wilson's interval. Several: Wilson's with the number of pictures that would give the variance of
    ``spread_of_mean``, which covers the drawing of the pictures and the spread of the runs.

    Example:
        >>> summary = accuracy_summary(np.array([[True] * 95 + [False] * 5]))
        >>> round(summary["low"], 3), summary["mean"], round(summary["high"], 3)
        (0.888, 0.95, 0.978)
    """
    table = np.atleast_2d(correct)
    seeds, n = table.shape
    mean = float(table.mean())
    spread = spread_of_mean(table)
    effective, quantile = float(n), None
    if seeds > 1:
        effective = min(n * seeds, mean * (1 - mean) / spread.variance) if 0 < mean < 1 else float(n)
        quantile = spread.quantile(level)
    low, high = wilson_interval(mean, effective, level, quantile)
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "per_seed": table.mean(axis=1).tolist(),
        "level": level,
        "method": METHOD if seeds > 1 else METHOD_ONE_SEED,
    }


def paired_difference(a: NDArray[np.bool_], b: NDArray[np.bool_], level: float = LEVEL) -> dict[str, Any]:
    """Accuracy of ``a`` minus that of ``b``, both (seeds, pictures), same pictures and paired seeds.

    The interval is mean +- t * sqrt(V) of the table a - b (see ``spread_of_mean``): pictures that both get right, or
    both wrong, add no noise. The verdict is "within noise" where the interval holds 0.

    Example:
        >>> a, b = np.ones((1, 200), bool), np.arange(200)[None] >= 20
        >>> paired_difference(a, b)["verdict"]
        'better'
    """
    table = np.atleast_2d(a).astype(np.float64) - np.atleast_2d(b)
    spread = spread_of_mean(table)
    mean, half = float(table.mean()), spread.quantile(level) * spread.variance**0.5
    return {"mean": mean, "low": mean - half, "high": mean + half, "verdict": verdict(mean - half, mean + half)}


def verdict(low: float, high: float) -> str:
    """What an interval of a difference says.

    Example:
        >>> verdict(0.01, 0.03), verdict(-0.01, 0.02)
        ('better', 'within noise')
    """
    if low <= 0 <= high:
        return "within noise"
    return "better" if low > 0 else "worse"
