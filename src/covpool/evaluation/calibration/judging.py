"""Calibration of a network: fit a temperature on one part of the pictures, judge it on the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from covpool.data import stratified_split
from covpool.evaluation.calibration.reliability import (
    Bin,
    calibration_error,
    classwise_calibration_error,
    equal_mass_bins,
    reliability_bins,
)
from covpool.evaluation.calibration.scores import brier_score, log_softmax, negative_log_likelihood
from covpool.evaluation.calibration.temperature import Temperature, fit_temperature
from covpool.evaluation.result import write_json
from covpool.evaluation.stamp import stamp

SCHEMA = "covpool-calibration/1"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How honest probabilities are: NLL, Brier, and calibration errors (equal width, equal mass, class by class).

    ``reliability`` and ``reliability_by_mass`` are the bins of the first two, for a reliability diagram.
    """

    accuracy: float
    confidence: float
    nll: float
    brier: float
    ece: float
    adaptive_ece: float
    classwise_ece: float
    reliability: list[Bin]
    reliability_by_mass: list[Bin]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The temperature fitted on ``fit_images``, and the scores of ``judged_images`` others before and after it."""

    temperature: float
    at_limit: bool
    fit_images: int
    judged_images: int
    seed: int
    bins: int
    before: Scores
    after: Scores
    about: dict[str, Any] = field(default_factory=dict)
    stamp: dict[str, Any] = field(default_factory=stamp)
    schema: str = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def write(self, path: Any) -> None:
        """Write to ``path`` as JSON, whole or not at all."""
        write_json(path, self.to_dict())


def calibration_scores(
    logits: np.ndarray | Tensor, labels: np.ndarray | Tensor, *, temperature: float = 1.0, bins: int = 10
) -> Scores:
    """Every score of softmax(logits / temperature), computed in float64."""
    known = np.asarray(labels)
    shares = np.exp(log_softmax(logits, temperature))
    predicted = np.asarray(logits).argmax(axis=1)
    confidence, correct = shares[np.arange(len(shares)), predicted], predicted == known
    width, mass = reliability_bins(confidence, correct, bins), equal_mass_bins(confidence, correct, bins)
    return Scores(
        accuracy=float(correct.mean()),
        confidence=float(confidence.mean()),
        nll=negative_log_likelihood(logits, known, temperature),
        brier=brier_score(shares, known),
        ece=calibration_error(width),
        adaptive_ece=calibration_error(mass),
        classwise_ece=classwise_calibration_error(shares, known, bins),
        reliability=width,
        reliability_by_mass=mass,
    )


def calibrate(
    logits: np.ndarray | Tensor,
    labels: np.ndarray | Tensor,
    *,
    fraction: float = 0.5,
    seed: int = 0,
    bins: int = 10,
    about: Mapping[str, Any] | None = None,
) -> Calibration:
    """Fit a temperature on ``fraction`` of every class and judge it on the rest.

    Args:
        logits: (n, K) of pictures that the network was not trained on.
        labels: (n,).
        fraction: part that the temperature is fitted on; half, so that both parts are fair.
        seed: of the split, which is a pure function of labels, fraction and seed.
        bins: of the calibration errors; 10 as in ``expected_calibration_error``.
        about: what to note in the result.

    Raises:
        ValueError: fewer than two pictures, or what ``fit_temperature`` raises.
    """
    scores, known = np.asarray(logits), np.asarray(labels)
    judged, fitted = split(known, fraction, seed)
    found: Temperature = fit_temperature(scores[fitted], known[fitted])
    before, after = (
        calibration_scores(scores[judged], known[judged], temperature=value, bins=bins) for value in (1.0, found.value)
    )
    return Calibration(
        temperature=found.value,
        at_limit=found.at_limit,
        fit_images=len(fitted),
        judged_images=len(judged),
        seed=seed,
        bins=bins,
        before=before,
        after=after,
        about=dict(about or {}),
    )


def split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions to judge and to fit on, stratified; classes with a single picture are drawn from together.

    Example:
        >>> judged, fitted = split(np.array([0, 0, 1, 1, 2]), 0.5, seed=0)
        >>> len(judged), len(fitted)
        (3, 2)
    """
    if len(labels) < 2:
        raise ValueError(f"calibration needs at least 2 pictures, to fit on and to judge; got {len(labels)}")
    groups, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    merged = np.where(counts[places] > 1, groups[places], groups.max() + 1)
    single = np.flatnonzero(merged == groups.max() + 1)
    if len(single) != 1:
        return stratified_split(merged, fraction, seed)
    rest = np.setdiff1d(np.arange(len(labels)), single)
    judged, fitted = stratified_split(merged[rest], fraction, seed)
    return np.sort(np.concatenate([rest[judged], single])), rest[fitted]
