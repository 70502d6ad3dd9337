import math

import pytest
import torch

from covpool.functional import generalized_mean, log_sum_exp, mean_and_deviation, softmax_mean


def positive(*shape):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.1


def test_generalized_mean_equals_a_naive_loop():
    x = positive(2, 3, 5)
    naive = torch.stack([torch.stack([(sum(v**3 for v in row) / 5) ** (1 / 3) for row in image]) for image in x])
    torch.testing.assert_close(generalized_mean(x, 3.0), naive)


def test_generalized_mean_runs_from_average_to_maximum():
    x = positive(2, 3, 5)
    torch.testing.assert_close(generalized_mean(x, 1.0), x.mean(-1))
    torch.testing.assert_close(generalized_mean(x, 5000.0), x.amax(-1), rtol=1e-3, atol=1e-3)


def test_generalized_mean_of_huge_features_does_not_overflow():
    x = torch.full((1, 2, 4), 1e30, requires_grad=True)
    y = generalized_mean(x, 3.0)
    y.sum().backward()
    torch.testing.assert_close(y, torch.full((1, 2), 1e30))
    assert x.grad.isfinite().all()


def test_mean_and_deviation_equals_torch():
    x = positive(2, 3, 5)
    expected = torch.cat([x.mean(-1), x.std(-1, correction=0)], -1)
    torch.testing.assert_close(mean_and_deviation(x), expected)


def test_the_deviation_of_a_constant_channel_has_a_finite_gradient():
    x = torch.ones(1, 2, 4, requires_grad=True)
    mean_and_deviation(x).sum().backward()
    assert x.grad.isfinite().all()


def test_gradients_are_true():
    x = positive(1, 2, 4).requires_grad_()
    p = torch.tensor(2.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(generalized_mean, (x, p))
    assert torch.autograd.gradcheck(mean_and_deviation, (x,))


def test_a_single_position_has_no_deviation():
    with pytest.raises(ValueError, match="at least 2 positions"):
        mean_and_deviation(torch.ones(1, 2, 1))


def test_the_softmax_mean_equals_a_naive_loop_and_runs_from_average_to_maximum():
    x = positive(2, 3, 5)
    naive = (x * x.exp()).sum(-1) / x.exp().sum(-1)
    torch.testing.assert_close(softmax_mean(x), naive)
    torch.testing.assert_close(softmax_mean(1e-6 * x) / 1e-6, x.mean(-1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(softmax_mean(1e6 * x) / 1e6, x.amax(-1))


def test_log_sum_exp_equals_torch_and_runs_from_average_to_maximum():
    x = positive(2, 3, 5)
    r = torch.tensor(2.5, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(log_sum_exp(x, r), (torch.logsumexp(r * x, -1) - math.log(5)) / r)
    torch.testing.assert_close(log_sum_exp(x, 1e-6), x.mean(-1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(log_sum_exp(x, 1e6), x.amax(-1), rtol=1e-5, atol=1e-5)
    assert torch.autograd.gradcheck(log_sum_exp, (x.requires_grad_(), r))
    assert torch.autograd.gradcheck(softmax_mean, (x,))
