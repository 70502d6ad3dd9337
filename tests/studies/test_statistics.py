"""Intervals against closed forms, naive loops and simulated truth."""

import numpy as np
import pytest
from scipy.stats import binom

from covpool.evaluation import wilson_interval
from covpool.studies.statistics import (
    accuracy_summary,
    paired_difference,
    spread_of_mean,
    verdict,
)


def drawn(rng: np.random.Generator, seeds: int, n: int, mean: float, picture_sd: float, seed_sd: float) -> np.ndarray:
    """Right or wrong of runs whose accuracy varies, on pictures that are easy or hard for all of them."""
    rate = mean + rng.normal(0, seed_sd, (seeds, 1)) + rng.uniform(-1, 1, (1, n)) * picture_sd * 3**0.5
    return rng.random((seeds, n)) < rate


def test_one_seed_gives_the_wilson_interval():
    summary = accuracy_summary(np.arange(200)[None] < 180)
    assert (summary["low"], summary["high"]) == wilson_interval(0.9, 200)
    assert summary["per_seed"] == [0.9]


def test_the_variance_is_the_one_of_the_naive_loops():
    table = drawn(np.random.default_rng(0), 4, 50, 0.8, 0.1, 0.03).astype(float)
    seeds, n = table.shape
    total = table.mean()
    pictures = [table[:, j].mean() for j in range(n)]
    runs = [table[i].mean() for i in range(seeds)]
    rest = sum((table[i, j] - pictures[j] - runs[i] + total) ** 2 for i in range(seeds) for j in range(n))
    of_pictures = ((sum(p * p for p in pictures) + 1) / (n + 2) - (sum(pictures) / (n + 2)) ** 2) / (n + 2)
    of_runs = sum((r - total) ** 2 for r in runs) / (seeds - 1) / seeds
    expected = of_pictures + of_runs - rest / ((seeds - 1) * (n - 1)) / (n * seeds)
    assert spread_of_mean(table).variance == pytest.approx(max(expected, of_pictures, of_runs))


def test_seeds_that_disagree_widen_the_interval():
    same = np.tile(np.arange(500) < 450, (3, 1))
    apart = np.stack([np.arange(500) < k for k in (400, 450, 500)])
    narrow, wide = accuracy_summary(same), accuracy_summary(apart)
    assert narrow["mean"] == pytest.approx(wide["mean"])
    assert wide["high"] - wide["low"] > 2 * (narrow["high"] - narrow["low"])


@pytest.mark.parametrize("right", [True, False])
def test_all_right_or_all_wrong_keeps_a_width(right: bool):
    summary = accuracy_summary(np.full((3, 100), right))
    assert summary["high"] - summary["low"] > 0.02
    assert 0 <= summary["low"] <= summary["mean"] <= summary["high"] <= 1


@pytest.mark.parametrize("seed_sd", [0.0, 0.02])
def test_intervals_cover_the_truth_about_as_often_as_they_say(seed_sd: float):
    rng, trials, truth = np.random.default_rng(1), 400, 0.85
    covered = 0
    for _ in range(trials):
        summary = accuracy_summary(drawn(rng, 3, 300, truth, 0.08, seed_sd))
        covered += summary["low"] <= truth <= summary["high"]
    assert covered / trials > binom.ppf(0.001, trials, 0.95) / trials


@pytest.mark.parametrize("seed_sd", [0.0, 0.02])
def test_intervals_of_no_difference_hold_zero_about_as_often_as_they_say(seed_sd: float):
    rng, trials = np.random.default_rng(2), 400
    noise = 0
    for _ in range(trials):
        shared = rng.uniform(0.7, 1.0, (1, 300))
        a, b = (rng.random((3, 300)) < shared + rng.normal(0, seed_sd, (3, 1)) for _ in range(2))
        noise += paired_difference(a, b)["verdict"] == "within noise"
    assert noise / trials > binom.ppf(0.001, trials, 0.95) / trials


def test_pairing_makes_the_interval_narrower_than_two_separate_ones():
    rng = np.random.default_rng(3)
    b = rng.random((1, 400)) < 0.8
    a = b | (rng.random((1, 400)) < 0.1)
    paired = paired_difference(a, b)
    apart = sum(accuracy_summary(x)["high"] - accuracy_summary(x)["low"] for x in (a, b))
    assert paired["mean"] == pytest.approx(a.mean() - b.mean())
    assert paired["high"] - paired["low"] < apart / 2
    assert paired["verdict"] == "better"


def test_identical_runs_differ_within_noise_and_not_by_an_empty_interval():
    same = np.ones((3, 50), bool)
    difference = paired_difference(same, same)
    assert difference["mean"] == 0
    assert difference["low"] < 0 < difference["high"]


def test_the_difference_turns_its_sign_with_the_order():
    rng = np.random.default_rng(4)
    a, b = rng.random((2, 100)) < 0.9, rng.random((2, 100)) < 0.5
    forward, backward = paired_difference(a, b), paired_difference(b, a)
    assert forward["low"] == pytest.approx(-backward["high"])
    assert (forward["verdict"], backward["verdict"]) == ("better", "worse")


def test_an_interval_that_ends_at_zero_is_noise():
    assert verdict(0.0, 0.1) == "within noise"
