import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss, log_loss

from covpool.evaluation.calibration import brier_score, negative_log_likelihood


def test_brier_is_scikit_learns_for_two_classes_twice_and_a_loop_for_more():
    random = np.random.default_rng(0)
    share, label = random.random(50), random.integers(0, 2, 50)
    found = brier_score(np.stack([1 - share, share], 1), label)
    assert found == pytest.approx(2 * brier_score_loss(label, share))
    shares, labels = random.dirichlet(np.ones(3), 20), random.integers(0, 3, 20)
    loop = np.mean([sum((shares[i, k] - (labels[i] == k)) ** 2 for k in range(3)) for i in range(20)])
    assert brier_score(torch.from_numpy(shares), torch.from_numpy(labels)) == pytest.approx(loop)


def test_the_likelihood_is_that_of_scikit_learn_and_survives_large_logits():
    random = np.random.default_rng(1)
    logits, labels = random.standard_normal((40, 5)), random.integers(0, 5, 40)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert negative_log_likelihood(logits, labels) == pytest.approx(log_loss(labels, shares, labels=range(5)))
    assert negative_log_likelihood(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4)
