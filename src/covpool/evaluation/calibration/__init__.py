"""Calibration: whether a network is right as often as it says, and the temperature that mends it."""

from covpool.evaluation.calibration.judging import Calibration, Scores, calibrate, calibration_scores
from covpool.evaluation.calibration.reliability import (
    Bin,
    adaptive_calibration_error,
    calibration_error,
    classwise_calibration_error,
    equal_mass_bins,
    expected_calibration_error,
    reliability_bins,
)
from covpool.evaluation.calibration.scores import brier_score, negative_log_likelihood
from covpool.evaluation.calibration.temperature import Temperature, fit_temperature, read_temperature

__all__ = [
    "Bin",
    "Calibration",
    "Scores",
    "Temperature",
    "adaptive_calibration_error",
    "brier_score",
    "calibrate",
    "calibration_error",
    "calibration_scores",
    "classwise_calibration_error",
    "equal_mass_bins",
    "expected_calibration_error",
    "fit_temperature",
    "negative_log_likelihood",
    "read_temperature",
    "reliability_bins",
]
