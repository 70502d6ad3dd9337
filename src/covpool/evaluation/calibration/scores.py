"""Proper scores of probabilities: Brier's, and the negative log-likelihood."""

from __future__ import annotations

import numpy as np
from torch import Tensor

Numbers = np.ndarray | Tensor


def brier_score(probabilities: Numbers, labels: Numbers) -> float:
    r"""Mean of $\sum_k (p_k - [k = y])^2$, from 0 to 2 (twice scikit-learn's score for two classes). Brier 1950.

    Example:
        >>> brier_score(np.array([[0.5, 0.5]]), np.array([0]))
        0.5
    """
    shares = np.asarray(probabilities).astype(np.float64)  # a copy
    shares[np.arange(len(shares)), np.asarray(labels)] -= 1
    return float(np.square(shares).sum(axis=1).mean())


def log_softmax(logits: Numbers, temperature: float = 1.0) -> np.ndarray:
    """Logarithms of the probabilities (n, K) in float64."""
    scaled = np.asarray(logits).astype(np.float64) / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    return scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))


def negative_log_likelihood(logits: Numbers, labels: Numbers, temperature: float = 1.0) -> float:
    """Mean of - log p(label) in float64.

    Example:
        >>> round(negative_log_likelihood(np.array([[0.0, 0.0]]), np.array([1])), 6)
        0.693147
    """
    logs = log_softmax(logits, temperature)
    return float(-logs[np.arange(len(logs)), np.asarray(labels)].mean())
