from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covpool.evaluation.calibration import (
    adaptive_calibration_error,
    classwise_calibration_error,
    equal_mass_bins,
    expected_calibration_error,
    reliability_bins,
)
from golden_files import golden


def naive_error(confidence, correct, edges):
    """Sum over (low, high] of count / n |accuracy - confidence|; 0 is in the first bin."""
    total = 0.0
    for low, high in pairwise(edges):
        inside = [(c, r) for c, r in zip(confidence, correct, strict=True) if low < c <= high or (low == c == 0)]
        if inside:
            mean = sum(float(c) for c, _ in inside) / len(inside)
            right = sum(float(r) for _, r in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(right - mean)
    return total


def test_the_error_is_that_of_the_official_metric():
    """The golden has confidences of exactly 0.1, 0.2 and 1."""
    given_ = golden("assembled/metrics/ece")
    found = expected_calibration_error(given_["conf"], given_["pred"] == given_["label"], int(given_["bins"]))
    assert found == pytest.approx(float(given_["ece"]), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=40), st.integers(1, 12))
def test_the_error_is_that_of_a_loop(rows, bins):
    confidence = np.array([c for c, _ in rows], np.float32)
    correct = np.array([r for _, r in rows])
    edges = [np.float32(i / bins) for i in range(bins + 1)]
    expected = naive_error(confidence, correct, edges)
    assert expected_calibration_error(confidence, correct, bins) == pytest.approx(expected, abs=1e-9)
    assert sum(part.count for part in reliability_bins(confidence, correct, bins)) == len(rows)


def test_a_network_that_is_right_as_often_as_it_says_has_no_error():
    confidence = np.repeat([0.25, 0.75], 4)
    correct = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    assert expected_calibration_error(confidence, correct) == 0
    assert adaptive_calibration_error(confidence, correct, 2) == 0
    assert expected_calibration_error(np.full(4, 1.0), np.zeros(4)) == 1


def test_bins_of_equal_mass_hold_equally_many_and_forget_the_order():
    random = np.random.default_rng(0)
    confidence, correct = random.random(103).round(1), random.random(103) < 0.5
    parts = equal_mass_bins(confidence, correct, 10)
    assert [part.count for part in parts] == [11] * 3 + [10] * 7
    shuffled = random.permutation(103)
    assert adaptive_calibration_error(confidence, correct) == pytest.approx(
        adaptive_calibration_error(confidence[shuffled], correct[shuffled]), abs=1e-12
    )
    assert len(equal_mass_bins(confidence[:3], correct[:3], 10)) == 3


def test_equal_mass_without_ties_is_the_mean_over_chunks():
    random = np.random.default_rng(1)
    confidence, correct = random.random(40), random.random(40) < 0.7
    order = np.argsort(confidence)
    gaps = [abs(confidence[i].mean() - correct[i].mean()) for i in np.split(order, 8)]
    assert adaptive_calibration_error(confidence, correct, 8) == pytest.approx(np.mean(gaps))


def test_the_error_by_class_is_the_mean_over_the_classes():
    random = np.random.default_rng(2)
    shares, labels = random.dirichlet(np.ones(4), 30), random.integers(0, 4, 30)
    edges = [i / 5 for i in range(6)]
    expected = np.mean([naive_error(shares[:, k], labels == k, edges) for k in range(4)])
    assert classwise_calibration_error(shares, labels, 5) == pytest.approx(expected)


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="not logits"):
        expected_calibration_error(np.array([2.0]), np.array([1]))
    with pytest.raises(ValueError, match="not logits"):
        expected_calibration_error(np.array([np.nan]), np.array([1]))
    with pytest.raises(ValueError, match="a confidence and a verdict"):
        expected_calibration_error(np.zeros(0), np.zeros(0))
