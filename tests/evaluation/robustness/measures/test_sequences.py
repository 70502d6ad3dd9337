"""Flip probability and distances of rankings against the official program, and against loops."""

import json

import numpy as np
import pytest
import torch

from covpool.evaluation.robustness.measures.reference import ALEXNET_FLIPS, MFR_PERTURBATIONS
from covpool.evaluation.robustness.measures.sequences import compares_to_first, mfr, stability
from golden_files import GOLDEN


@pytest.fixture(scope="module")
def official():
    with np.load(GOLDEN / "assembled" / "robustness.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("perturbation", ["brightness", "gaussian_noise"])
@pytest.mark.parametrize("difficulty", [1, 2])
def test_stability_is_the_official_number(official, perturbation, difficulty):
    expected = json.loads(str(official["fp_results"]))[f"{perturbation}_d{difficulty}"]
    videos = list(torch.from_numpy(official["frames_logits"]))
    found = stability(videos, to_first=compares_to_first(perturbation), difficulty=difficulty)
    assert found.flip == pytest.approx(expected["flip"], abs=1e-12)
    assert found.top5 == pytest.approx(expected["top5"], abs=1e-12)
    assert found.zipf == pytest.approx(expected["zipf"], abs=1e-12)


def test_mfr_averages_the_ten_and_is_the_official_number(official):
    flips = dict(zip(map(str, official["alexnet_fp_names"]), official["example_fp"].tolist(), strict=True))
    assert mfr(flips) == pytest.approx(float(official["mfr10"]), abs=1e-10)
    assert list(MFR_PERTURBATIONS) == [str(name) for name in official["mfr10_names"]]
    table = dict(zip(map(str, official["alexnet_fp_names"]), official["alexnet_fp"].tolist(), strict=True))
    assert table == ALEXNET_FLIPS
    del flips["tilt"]
    assert mfr(flips) is None


def naive(logits, to_first, stride):
    """Pair by pair, class by class."""
    ranks = [np.argsort(np.argsort(-frame, kind="stable")) for frame in logits.numpy()]
    pairs = (
        [(0, t) for t in range(1, len(ranks))] if to_first else [(t, t + stride) for t in range(len(ranks) - stride)]
    )
    flips, tops = [], []
    for before, after in pairs:
        order = np.argsort(ranks[before])
        flips.append(ranks[after][order[0]] != 0)
        tops.append(sum(abs(i - min(ranks[after][order[i]], 5)) for i in range(min(5, len(order)))))
    return np.mean(flips), np.mean(tops)


@pytest.mark.parametrize("classes", [2, 4, 12])
@pytest.mark.parametrize(("to_first", "stride"), [(True, 1), (False, 1), (False, 3)])
def test_it_is_the_loop_over_pairs_also_for_few_classes_and_videos_of_other_lengths(classes, to_first, stride):
    generator = torch.Generator().manual_seed(0)
    videos = [torch.randn(n, classes, generator=generator) for n in (5, 9)]
    found = stability(videos, to_first=to_first, difficulty=stride)
    each = [naive(video, to_first, stride) for video in videos]
    assert found.flip == pytest.approx(np.mean([flip for flip, _ in each]))
    assert found.top5 == pytest.approx(np.mean([top for _, top in each]))


def test_a_still_picture_never_flips():
    still = torch.randn(1, 7).expand(6, 7)
    found = stability([still], to_first=False)
    assert (found.flip, found.top5, found.zipf) == (0, 0, 0)


def test_what_has_no_pairs_is_refused():
    with pytest.raises(ValueError, match="at least one video"):
        stability([], to_first=True)
    with pytest.raises(ValueError, match="more than 2 frames"):
        stability([torch.zeros(2, 3)], to_first=False, difficulty=2)
