"""How far confidence is from accuracy: bins of confidence, and the expected calibration error."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from torch import Tensor

Numbers = np.ndarray | Tensor


@dataclass(frozen=True)
class Bin:
    """Predictions with a confidence in (low, high]: how many, their mean confidence, and the share that is right.

    An empty bin has None for both means.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain data for JSON."""
        return asdict(self)


def reliability_bins(confidence: Numbers, correct: Numbers, bins: int = 10) -> list[Bin]:
    """``bins`` of equal width over 0..1, each open below and closed above; the first holds 0.

    The edges are numbers of the confidences' own precision: a float32 confidence of 0.1 is on the edge 0.1, not
    above it.

    Example:
        >>> [(b.high, b.count) for b in reliability_bins(np.array([0.5, 0.6, 0.9]), np.array([1, 0, 1]), bins=2)]
        [(0.5, 1), (1.0, 2)]
    """
    confidence, correct = _checked(confidence, correct, bins)
    edges = (np.arange(bins + 1) / bins).astype(confidence.dtype)
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    return _filled(confidence, correct, place, edges)


def equal_mass_bins(confidence: Numbers, correct: Numbers, bins: int = 10) -> list[Bin]:
    """``bins`` of equally many predictions (one more in the first ones where they do not divide), by rising confidence.

    Predictions of one confidence count with their mean accuracy, so that their order does not matter.
    """
    confidence, correct = _checked(confidence, correct, bins)
    order = np.argsort(confidence, kind="stable")
    ordered, right = confidence[order], _tied_mean(confidence[order], correct[order])
    parts = [part for part in np.array_split(np.arange(len(ordered)), bins) if len(part)]
    place = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    edges = np.array([0.0, *(ordered[part[-1]] for part in parts)])
    return _filled(ordered, right, place, edges)


def calibration_error(bins: list[Bin]) -> float:
    r"""$\sum_b \frac{n_b}{n} |acc_b - conf_b|$."""
    total = sum(part.count for part in bins)
    gaps = (part.count * abs(part.accuracy - part.confidence) for part in bins if _is_known(part))  # type: ignore[operator]
    return sum(gaps) / total


def expected_calibration_error(confidence: Numbers, correct: Numbers, bins: int = 10) -> float:
    """ECE over bins of equal width; 0 where confidence is accuracy.

    Source: Naeini et al., AAAI 2015; Guo et al., ICML 2017. 10 bins, (low, high], as Assemble-ResNet's metric; Guo et
    al. print 15.

    Args:
        confidence: (n,) probability of the predicted class.
        correct: (n,) whether it is right.
        bins: how many.

    Example:
        >>> round(expected_calibration_error(np.array([0.8, 0.8]), np.array([True, False])), 6)
        0.3
    """
    return calibration_error(reliability_bins(confidence, correct, bins))


def adaptive_calibration_error(confidence: Numbers, correct: Numbers, bins: int = 10) -> float:
    """ECE over bins of equally many predictions, so that no bin is noise. Source: Nguyen and O'Connor, EMNLP 2015."""
    return calibration_error(equal_mass_bins(confidence, correct, bins))


def classwise_calibration_error(probabilities: Numbers, labels: Numbers, bins: int = 10) -> float:
    """Mean over the classes of the ECE of "the label is k" against the probability of k. Source: Kull et al., 2019."""
    shares, known = np.asarray(probabilities), np.asarray(labels)
    return float(np.mean([expected_calibration_error(shares[:, k], known == k, bins) for k in range(shares.shape[1])]))


def _checked(confidence: Numbers, correct: Numbers, bins: int) -> tuple[np.ndarray, np.ndarray]:
    values, right = np.asarray(confidence), np.asarray(correct)
    if values.ndim != 1 or right.shape != values.shape or not len(values):
        raise ValueError(f"calibration needs a confidence and a verdict each; got {values.shape} and {right.shape}")
    if bins < 1:
        raise ValueError(f"calibration needs at least 1 bin; got {bins}")
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    if not ((values >= -1e-6) & (values <= 1 + 1e-6)).all():
        raise ValueError("confidences need to be between 0 and 1; pass probabilities, not logits")
    return values, right.astype(np.float64)


def _tied_mean(ordered: np.ndarray, correct: np.ndarray) -> np.ndarray:
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff([*starts, len(ordered)])
    return np.repeat(np.add.reduceat(correct, starts) / counts, counts)


def _filled(confidence: np.ndarray, correct: np.ndarray, place: np.ndarray, edges: np.ndarray) -> list[Bin]:
    size = len(edges) - 1
    counts = np.bincount(place, minlength=size)
    sums = [np.bincount(place, weights, minlength=size) for weights in (confidence.astype(np.float64), correct)]
    means = [[float(s / n) if n else None for s, n in zip(total, counts, strict=True)] for total in sums]
    rows = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), *means, strict=True)
    return [Bin(*row) for row in rows]


def _is_known(part: Bin) -> bool:
    return part.count > 0
