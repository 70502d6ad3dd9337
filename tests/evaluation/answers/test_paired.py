"""McNemar and the bootstrap against binomial sums and naive resampling."""

from math import comb

import numpy as np
import pytest
from scipy.stats import binom

from covpool.evaluation import bootstrap_difference, compare_paired, mcnemar


def table(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = (both, only_a, only_b, neither)
    a = np.repeat([True, True, False, False], counts)
    b = np.repeat([True, False, True, False], counts)
    return a, b


@pytest.mark.parametrize(("only_a", "only_b"), [(9, 3), (3, 9), (1, 0), (5, 5), (0, 8), (25, 11)])
def test_mcnemar_is_the_binomial_tail_counted_out(only_a: int, only_b: int):
    n, low = only_a + only_b, min(only_a, only_b)
    point = comb(n, low) / 2**n
    tail = sum(comb(n, k) for k in range(low + 1)) / 2**n
    a, b = table(20, only_a, only_b, 7)
    assert mcnemar(a, b) == pytest.approx(min(1.0, 2 * tail))
    expected = 1 - point / 2 if only_a == only_b else 2 * tail - point
    assert mcnemar(a, b, mid=True) == pytest.approx(expected)


def test_networks_that_never_disagree_are_not_told_apart():
    a, b = table(10, 0, 0, 5)
    assert mcnemar(a, b) == mcnemar(a, b, mid=True) == 1.0
    found = compare_paired(a, b)
    assert (found.difference, found.verdict, tuple(found.interval)) == (0, "within noise", (0, 0))


def test_the_bootstrap_is_that_of_pictures_drawn_one_by_one():
    rng = np.random.default_rng(1)
    a, b = rng.random(300) < 0.9, rng.random(300) < 0.82
    drawn = rng.integers(0, 300, (6000, 300))
    naive = np.quantile(a[drawn].mean(1) - b[drawn].mean(1), [0.025, 0.975])
    assert bootstrap_difference(a, b) == pytest.approx(naive, abs=0.005)
    assert bootstrap_difference(a, b, seed=3) == bootstrap_difference(a, b, seed=3)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng, covered, trials = np.random.default_rng(2), 0, 400
    for trial in range(trials):
        a, b = rng.random(400) < 0.85, rng.random(400) < 0.8
        low, high = bootstrap_difference(a, b, draws=1000, seed=trial)
        covered += low <= 0.05 <= high
    assert binom.ppf(0.001, trials, 0.95) <= covered <= binom.ppf(0.999, trials, 0.96)


def test_the_mid_p_test_rejects_equal_networks_about_as_often_as_it_says():
    rng, trials, rejected = np.random.default_rng(3), 200, 0
    for _ in range(trials):
        shared = rng.uniform(0.6, 1, 200)
        a, b = (rng.random(200) < shared for _ in range(2))
        rejected += compare_paired(a, b, draws=10).verdict != "within noise"
    assert rejected <= binom.ppf(0.999, trials, 0.05)


def test_the_counts_are_those_of_the_loop():
    rng = np.random.default_rng(4)
    a, b = rng.random(50) < 0.7, rng.random(50) < 0.6
    found = compare_paired(a, b)
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    seen = (found.both_right, found.only_a, found.only_b, found.both_wrong)
    assert seen == tuple(pairs.count(p) for p in [(True, True), (True, False), (False, True), (False, False)])
    assert found.difference == pytest.approx(found.a - found.b) == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize(("a", "b"), [(np.ones(3, bool), np.ones(4, bool)), (np.ones(0, bool), np.ones(0, bool))])
def test_other_pictures_are_refused(a: np.ndarray, b: np.ndarray):
    with pytest.raises(ValueError, match="same pictures"):
        compare_paired(a, b)
