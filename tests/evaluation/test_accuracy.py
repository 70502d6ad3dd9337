"""Rates, counts and their interval."""

from math import sqrt

import numpy as np
import pytest
import torch
from scipy.stats import binom
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from covpool.evaluation.accuracy import confusion, per_class_accuracy, topk_accuracy, wilson_interval


def drawn(n: int = 200, classes: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, classes, generator=generator), torch.randint(classes, (n,), generator=generator)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_agrees_with_scikit_learn(k: int):
    logits, labels = drawn()
    expected = top_k_accuracy_score(labels.numpy(), logits.numpy(), k=k, labels=range(7))
    assert topk_accuracy(logits, labels, k) == pytest.approx(expected)


def test_top_k_of_more_than_the_classes_is_one():
    logits, labels = drawn(classes=3)
    assert topk_accuracy(logits, labels, k=5) == 1.0


def test_a_row_of_nan_is_wrong_and_a_tie_goes_to_the_first_class():
    logits = torch.tensor([[float("nan"), 1.0], [0.0, 0.0]])
    assert topk_accuracy(logits, torch.tensor([1, 0])) == 0.5
    assert topk_accuracy(logits, torch.tensor([1, 1])) == 0.0


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="at least one row"):
        topk_accuracy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))


def test_confusion_agrees_with_scikit_learn():
    logits, labels = drawn()
    predicted = logits.argmax(1)
    assert np.array_equal(confusion(labels, predicted, 7).numpy(), confusion_matrix(labels, predicted, labels=range(7)))


def test_per_class_accuracy_is_recall_and_none_without_pictures():
    counts = torch.tensor([[2, 2, 0], [0, 0, 0], [1, 0, 3]])
    assert per_class_accuracy(counts) == [0.5, None, 0.75]


def test_wilson_ends_solve_the_score_equation():
    rate, n, z = 0.87, 240, 1.959963984540054
    for end in wilson_interval(rate, n):
        assert abs(rate - end) == pytest.approx(z * sqrt(end * (1 - end) / n))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_wilson_has_width_and_stays_inside_at_the_ends(rate: float):
    low, high = wilson_interval(rate, 50)
    assert 0 <= low < high <= 1
    assert rate in (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


@pytest.mark.parametrize("true_rate", [0.7, 0.95])
def test_wilson_covers_the_true_rate_close_to_its_level(true_rate: float):
    n = 200
    covered = sum(
        binom.pmf(k, n, true_rate)
        for k in range(n + 1)
        if wilson_interval(k / n, n).low <= true_rate <= wilson_interval(k / n, n).high
    )
    assert 0.93 < covered < 0.98


@pytest.mark.parametrize(("rate", "total"), [(1.2, 10), (0.5, 0)])
def test_wilson_refuses_what_is_no_rate(rate: float, total: float):
    with pytest.raises(ValueError, match=r"rate in 0\.\.1"):
        wilson_interval(rate, total)
