from pathlib import Path

import numpy as np
import pytest
import torch
from timm.data.mixup import Mixup

from covpool.data import mixings
from covpool.data.transforms import mixing

GOLDEN = Path(__file__).parents[2] / "golden" / "assembled" / "preprocessing"
G = {name: torch.from_numpy(values) for name, values in np.load(GOLDEN / "mixup.npz").items()}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("taken", "given"), [("x", "x"), ("onehot", "y"), ("teacher", "teacher")])
def test_type_1_gives_the_numbers_of_the_release(taken, given):
    assert torch.allclose(mixing.mixup_type1(G[taken], G["lam1"]), G[f"type1_{given}"], atol=1e-6)


@pytest.mark.parametrize(("taken", "given"), [("x", "x"), ("onehot", "y")])
def test_type_2_gives_the_numbers_of_the_release(taken, given):
    assert torch.allclose(mixing.mixup_type2(G[taken], G["lam1"], G["lam2"]), G[f"type2_{given}"], atol=1e-6)


def test_the_teacher_of_type_2_is_mixed_as_the_release_mixes_it():
    released = mixing.mixup_type2_teacher(G["onehot"], G["teacher"], G["lam1"], G["lam2"])
    assert torch.allclose(released, G["type2_teacher"], atol=1e-6)
    meant = mixing.mixup_type2(G["teacher"], G["lam1"], G["lam2"])
    assert torch.equal(meant[:4], released[:4])
    assert not torch.allclose(meant[4:], released[4:])


def test_type_2_is_a_loop_over_pairs():
    x, lam, other = torch.randn(6, 2), torch.rand(3), torch.rand(3)
    rows = [lam[i] * x[i] + (1 - lam[i]) * x[3 + i] for i in range(3)]
    rows += [other[i] * x[i] + (1 - other[i]) * x[5 - i] for i in range(3)]
    assert torch.allclose(mixing.mixup_type2(x, lam, other), torch.stack(rows))


def test_an_odd_batch_has_no_halves():
    with pytest.raises(ValueError, match="even batch; got 3 rows"):
        mixing.mixup_type1(torch.ones(3, 2), torch.ones(1))


@pytest.mark.parametrize("seed", range(6))
def test_mixup_and_cutmix_give_the_numbers_of_timm(seed):
    """timm draws from numpy; what it drew is handed to our functions."""
    images, labels = torch.randn(4, 3, 9, 11, generator=generator(seed)), torch.tensor([0, 1, 2, 1])
    theirs = Mixup(0.8, 1.0, prob=1.0, switch_prob=0.5, label_smoothing=0.1, num_classes=3)
    np.random.seed(seed)
    x, y = theirs(images.clone(), labels)
    np.random.seed(seed)
    np.random.rand()
    cuts = np.random.rand() < 0.5
    lam = np.random.beta(1.0, 1.0) if cuts else np.random.beta(0.8, 0.8)
    targets = mixing.soft_targets(labels, 3, 0.1)
    if cuts:
        high, wide = int(9 * np.sqrt(1 - lam)), int(11 * np.sqrt(1 - lam))
        row, column = np.random.randint(0, 9), np.random.randint(0, 11)
        top, bottom = np.clip([row - high // 2, row + (high + 1) // 2], 0, 9)
        left, right = np.clip([column - wide // 2, column + (wide + 1) // 2], 0, 11)
        ours = mixing.cutmix(images, targets, (top, left, bottom - top, right - left))
    else:
        ours = mixing.Mixed(mixing.mixup(images, lam), mixing.mixup(targets, lam))
    assert torch.allclose(ours.images, x, atol=1e-6)
    assert torch.allclose(ours.targets, y, atol=1e-6)


def test_a_box_has_the_area_that_lambda_leaves_unless_an_edge_cuts_it():
    drawn = [mixing.cutmix_box(20, 30, 0.75, generator(seed)) for seed in range(300)]
    assert max(height * width for _, _, height, width in drawn) == 10 * 14  # 15 is cut to an even width
    assert all(t >= 0 and x >= 0 and t + h <= 20 and x + w <= 30 for t, x, h, w in drawn)
    assert mixing.cutmix_box(20, 30, 1.0)[2:] == (0, 0)


def test_lambda_follows_its_beta():
    lam = mixing.draw_lambda(0.2, 20_000, generator())
    assert abs(lam.mean() - 0.5) < 0.01
    assert abs(lam.var() - 1 / (4 * (2 * 0.2 + 1))) < 0.01


@pytest.mark.parametrize("name", mixings.names())
def test_every_mixing_is_a_pure_function_of_its_generator(name):
    mix = mixings.get(name)()
    images, targets = torch.randn(8, 3, 12, 12), mixing.soft_targets(torch.arange(8) % 5, 5)
    before = images.clone()
    one, same, other = (mix(images, targets, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(images, before)
    assert torch.equal(one.images, same.images)
    assert torch.equal(one.targets, same.targets)
    assert not torch.equal(one.images, other.images)
    assert torch.allclose(one.targets.sum(1), torch.ones(len(one.targets)))
    assert len(one.images) == len(one.targets) == (4 if name == "mixup-type1" else 8)


def test_probability_zero_leaves_the_batch_and_no_alpha_is_a_mistake():
    images, targets = torch.randn(2, 3, 4, 4), torch.eye(2)
    assert torch.equal(mixings.get("mixup")(probability=0.0)(images, targets).images, images)
    with pytest.raises(ValueError, match=r"alpha above 0; got mixup 0\.0 and cutmix 0\.0"):
        mixing.MixupOrCutmix(0.0, 0.0)
