"""Attacks stay within their bound, raise the loss, and depend on nothing but picture and seed."""

import pytest
import torch
import torch.nn.functional as F

from covpool.evaluation.robustness.attacks import fgsm, judge_attacks, pgd
from covpool.evaluation.robustness.records import CLEAN, Condition
from evaluation.robustness.subjects import SIDE, images, subject


@pytest.fixture
def given():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (4, 3, SIDE, SIDE), generator=generator).float()
    return pixels, torch.tensor([0, 1, 2, 0])


def loss(judge, pixels, labels):
    return F.cross_entropy(judge.outputs_of(pixels), labels).item()


@pytest.mark.parametrize("epsilon", [1, 8])
def test_an_attack_stays_within_its_bound_and_in_the_picture_and_raises_the_loss(given, epsilon):
    judge, (pixels, labels) = subject(), given
    start = torch.zeros_like(pixels)
    for found in (
        fgsm(judge.outputs_of, pixels, labels, epsilon),
        pgd(judge.outputs_of, pixels, labels, epsilon, start),
    ):
        assert (found - pixels).abs().max() <= epsilon + 1e-4
        assert found.min() >= 0
        assert found.max() <= 255
        assert loss(judge, found, labels) > loss(judge, pixels, labels)


def test_fgsm_is_the_sign_of_the_gradient(given):
    judge, (pixels, labels) = subject(), given
    x = pixels.clone().requires_grad_()
    F.cross_entropy(judge.outputs_of(x), labels, reduction="sum").backward()
    expected = (pixels + 3 * x.grad.sign()).clamp(0, 255)
    assert torch.equal(fgsm(judge.outputs_of, pixels, labels, 3), expected)


def test_pgd_is_its_steps_and_one_long_step_is_fgsm(given):
    judge, (pixels, labels) = subject(), given
    start = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(1)) * 4 - 2
    x = (pixels + start).clamp(0, 255)
    for _ in range(5):
        x = x.detach().requires_grad_()
        F.cross_entropy(judge.outputs_of(x), labels, reduction="sum").backward()
        x = (x.detach() + 2.5 * 2 / 5 * x.grad.sign()).clip(pixels - 2, pixels + 2).clamp(0, 255)
    assert torch.allclose(pgd(judge.outputs_of, pixels, labels, 2, start, steps=5), x)
    long = pgd(judge.outputs_of, pixels, labels, 2, torch.zeros_like(pixels), steps=1)
    assert torch.allclose(long, fgsm(judge.outputs_of, pixels, labels, 2))


def test_gradients_of_the_network_are_left_alone(given):
    judge, (pixels, labels) = subject(), given
    fgsm(judge.outputs_of, pixels, labels, 1)
    assert all(parameter.grad is None for parameter in judge.network.parameters())


def test_errors_rise_with_epsilon_and_batches_workers_and_modes_change_nothing():
    expected = None
    for options in ({"batch_size": 10}, {"batch_size": 3}, {"batch_size": 4, "workers": 2}):
        judge = subject(**options)
        judge.network.train()
        records = judge_attacks(judge, images(), ["fgsm", "pgd"], [2, 40], seed=5)
        assert judge.network.training
        found = [records.count(Condition(name, e)) for name in ("fgsm", "pgd") for e in (2, 40)]
        assert records.count(CLEAN) == (10, 2)
        assert expected in (None, found)
        expected = found
        assert found[1].wrong >= found[0].wrong >= 2
        assert found[3].wrong >= found[2].wrong


def test_what_is_no_attack_is_refused():
    with pytest.raises(ValueError, match="unknown attack 'pdg'; did you mean 'pgd'"):
        judge_attacks(subject(), images(), ["pdg"], [1])
    with pytest.raises(ValueError, match="epsilon needs to be above 0"):
        judge_attacks(subject(), images(), ["pgd"], [0])
