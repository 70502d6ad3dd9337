"""One number that makes confidence honest: the temperature of the softmax."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from torch import Tensor

from covpool.data.sources.folder import opened

LOWEST, HIGHEST = 0.01, 100.0
_ROWS = 2**22  # numbers of one piece


class Temperature(NamedTuple):
    """softmax(logits / ``value``); ``at_limit`` where the best value lies beyond 0.01 or 100."""

    value: float
    at_limit: bool


def fit_temperature(logits: np.ndarray | Tensor, labels: np.ndarray | Tensor) -> Temperature:
    r"""The temperature T of the least negative log-likelihood of softmax(logits / T).

    The loss is convex in $\beta = 1 / T$ with the derivative $E[\sum_k p_k z_k - z_y]$, which rises with $\beta$: its
    root is found by bracketing, in float64, and there is one answer whatever the start. Where every label has the
    highest logit the likelihood rises without end and T is the least allowed.
    Source: Guo et al., ICML 2017 (who search by L-BFGS).

    Raises:
        ValueError: no rows, or logits that are not finite.

    Example:
        >>> logits = np.log([[0.9, 0.1]] * 10)
        >>> round(fit_temperature(3 * logits, np.array([0] * 9 + [1])).value, 6)
        3.0
    """
    scores, known = np.asarray(logits), np.asarray(labels)
    if scores.ndim != 2 or known.shape != (len(scores),) or not len(scores):
        raise ValueError(f"a temperature needs logits (n, K) and n labels; got {scores.shape} and {known.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("a temperature needs finite logits; got NaN or infinity")
    if (scores == scores[:, :1]).all():
        return Temperature(1.0, False)  # no temperature changes anything

    def slope(beta: float) -> float:
        return sum(_slopes(part, labels_, beta) for part, labels_ in _pieces(scores, known)) / len(scores)

    low, high = 1 / HIGHEST, 1 / LOWEST
    if slope(low) >= 0:
        return Temperature(HIGHEST, True)
    if slope(high) <= 0:
        return Temperature(LOWEST, True)
    return Temperature(1 / float(brentq(slope, low, high, xtol=1e-12, rtol=1e-12)), False)


def read_temperature(path: str | Path, weights: Mapping[str, str]) -> float:
    """The temperature in a file of ``Calibration.write``.

    Args:
        path: the file.
        weights: ``fingerprint`` of the network that it is to be used with.

    Raises:
        ValueError: no such file, or one about other weights.
    """
    try:
        with opened(path) as file:
            found = json.loads(file.read())
    except OSError as error:
        raise ValueError(f"there is no temperature at {path}; name a number or a file of covpool calibrate") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON file: {error}") from error
    known = isinstance(found, dict) and str(found.get("schema", "")).startswith("covpool-calibration/")
    value = found.get("temperature") if known else None
    if not isinstance(value, int | float) or not LOWEST <= value <= HIGHEST:
        raise ValueError(f"{path} holds no temperature; name a file of covpool calibrate")
    about = found.get("about")
    made = about.get("weights") if isinstance(about, dict) else None
    if isinstance(made, dict) and made.get("sha256") != weights["sha256"]:
        raise ValueError(f"{path} is about other weights ({made.get('file')}); calibrate these")
    return float(value)


def _pieces(scores: np.ndarray, labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    step = max(1, _ROWS // scores.shape[1])
    return [(scores[i : i + step], labels[i : i + step]) for i in range(0, len(scores), step)]


def _slopes(scores: np.ndarray, labels: np.ndarray, beta: float) -> float:
    """Sum over rows of E_p[z] - z_y, with z counted from the row's maximum."""
    z = scores.astype(np.float64)
    z -= z.max(axis=1, keepdims=True)
    weights = np.exp(beta * z)
    means = (weights * z).sum(axis=1) / weights.sum(axis=1)
    return float((means - z[np.arange(len(z)), labels]).sum())
