"""Linear classifiers: rotation, choice on train, honest seeds."""

import numpy as np
import pytest
import torch

from covpool.studies.linear import Judged, judge_vectors, rotate, scale
from covpool.studies.softmax import fit_softmax


def drawn(n: int, dim: int, noise: float = 1.0, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    centres = torch.randn(3, dim, generator=torch.Generator().manual_seed(9))
    labels = np.arange(n) % 3
    generator = torch.Generator().manual_seed(seed)
    return centres[labels] + noise * torch.randn(n, dim, generator=generator), labels


@pytest.mark.parametrize("penalty", [1e-1, 1e-3])
def test_a_classifier_in_the_row_space_says_the_same_as_one_in_all_dimensions(penalty: float):
    x, labels = drawn(30, 200)
    t, _ = drawn(11, 200, seed=1)
    mean = x.mean(0)
    fitted, judged = rotate(x - mean, t - mean)
    assert fitted.shape == (30, 30)
    fit = np.arange(30) % 5 > 0  # the solution of a part lies in the space of all
    options = {"tolerance": 1e-3, "max_iterations": 2000}
    plain = fit_softmax((x - mean)[fit], torch.from_numpy(labels[fit]), 3, [penalty], **options)
    rotated = fit_softmax(fitted[fit], torch.from_numpy(labels[fit]), 3, [penalty], **options)
    torch.testing.assert_close(
        plain.logits(t - mean, 0).softmax(1), rotated.logits(judged, 0).softmax(1), atol=2e-3, rtol=0
    )


def test_few_dimensions_are_left_as_they_are():
    x, _ = drawn(30, 20)
    assert rotate(x, x)[0] is x


def test_each_seed_draws_another_part_and_a_repeated_run_is_the_same():
    x, labels = drawn(90, 8, noise=3.0)
    t, _ = drawn(40, 8, noise=3.0, seed=1)
    first, second = (judge_vectors(x.clone(), labels, t.clone(), 3, [0, 1]) for _ in range(2))
    for (logits, chosen), (again, same) in zip(first, second, strict=True):
        assert torch.equal(logits, again)
        assert chosen == same
    assert not torch.equal(first[0][0], first[1][0])


def test_test_vectors_have_no_part_in_the_choice():
    x, labels = drawn(60, 8, noise=2.0)
    t, _ = drawn(20, 8, seed=1)
    other = 100 * torch.randn(20, 8, generator=torch.Generator().manual_seed(2))
    _, chosen = judge_vectors(x.clone(), labels, t, 3, [0])[0]
    _, same = judge_vectors(x.clone(), labels, other, 3, [0])[0]
    assert chosen == same


def test_dimensions_of_unlike_scale_and_constant_ones_do_no_harm():
    x, labels = drawn(90, 8, noise=0.3)
    t, _ = drawn(60, 8, noise=0.3, seed=1)
    scale = torch.logspace(-3, 3, 8)
    wide, far = torch.cat([x * scale, torch.ones(90, 2)], 1), torch.cat([t * scale, torch.ones(60, 2)], 1)
    logits, _ = judge_vectors(wide, labels, far, 3, [0])[0]
    run = Judged.of(logits, np.arange(60) % 3, np.arange(60))
    assert run.correct.mean() > 0.95
    assert logits.isfinite().all()


def test_confidence_is_the_highest_probability():
    run = Judged.of(torch.tensor([[0.0, 2.0], [1.0, 0.0]]), [1, 1], [4, 7])
    assert run.predicted.tolist() == [1, 0]
    assert run.correct.tolist() == [True, False]
    assert run.confidence[0] == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_scaled_vectors_are_centred_of_unit_length_and_half_way_between_the_scalings():
    x, _ = drawn(90, 8)
    x = x * torch.logspace(-2, 2, 8)
    deviation = x.std(0, correction=0)
    train, test = x.clone(), x[:5].clone()
    scale(train, test)
    torch.testing.assert_close(train[:5], test)
    torch.testing.assert_close(train.mean(0), torch.zeros(8), atol=1e-5, rtol=0)
    assert train.square().sum(1).mean().item() == pytest.approx(1, rel=1e-4)
    scaled = train.std(0, correction=0)
    torch.testing.assert_close(scaled / scaled[0], (deviation / deviation[0]).sqrt(), rtol=1e-4, atol=1e-4)
