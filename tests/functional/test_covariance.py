import pytest
import torch
from torch.autograd import gradcheck

from covpool.functional import covariance, cross_covariance, second_moment


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive(x, weights=None, center=True):
    """One loop a position, for x (C, N)."""
    count = x.shape[1]
    weights = torch.ones(count, dtype=x.dtype) if weights is None else weights
    total = weights.sum()
    mean = sum(weights[i] * x[:, i] for i in range(count)) / total if center else torch.zeros_like(x[:, 0])
    return sum(weights[i] * torch.outer(x[:, i] - mean, x[:, i] - mean) for i in range(count)) / total


def test_covariance_equals_a_naive_loop():
    x = draw(3, 4, 7)
    torch.testing.assert_close(covariance(x), torch.stack([naive(image) for image in x]))


def test_weighted_covariance_equals_a_naive_loop():
    x, weights = draw(4, 7), draw(7, seed=1).abs()
    torch.testing.assert_close(covariance(x, weights=weights), naive(x, weights))


def test_uncentred_covariance_is_the_second_moment():
    x = draw(2, 4, 7)
    torch.testing.assert_close(covariance(x, center=False), second_moment(x))
    torch.testing.assert_close(second_moment(x)[0], naive(x[0], center=False))


def test_ridge_is_added_to_the_diagonal():
    x = draw(4, 7)
    torch.testing.assert_close(covariance(x, ridge=0.5) - covariance(x), 0.5 * torch.eye(4, dtype=x.dtype))


def test_cross_covariance_with_itself_is_the_covariance():
    x = draw(2, 4, 7)
    torch.testing.assert_close(cross_covariance(x, x), covariance(x))


def test_cross_covariance_equals_a_naive_loop():
    x, y = draw(3, 6), draw(2, 6, seed=1)
    xc, yc = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    torch.testing.assert_close(cross_covariance(x, y), sum(torch.outer(xc[:, i], yc[:, i]) for i in range(6)) / 6)


def test_leading_dimensions_broadcast():
    x = draw(2, 3, 4, 7)
    torch.testing.assert_close(covariance(x).flatten(0, 1), covariance(x.flatten(0, 1)))


def test_a_single_position_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"at least 2 positions.*\(8, 256, 1\).*center=False"):
        covariance(torch.zeros(8, 256, 1))
    assert second_moment(torch.ones(1, 2, 1)).shape == (1, 2, 2)


def test_half_precision_is_computed_in_float32_even_inside_autocast():
    x = draw(2, 16, 49)
    exact = covariance(x)
    with torch.autocast("cpu", torch.bfloat16):
        inside = covariance(x.float())
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside.double(), exact, rtol=1e-5, atol=1e-6)
    half = covariance(x.to(torch.bfloat16))
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), exact, rtol=2e-2, atol=2e-2)


def test_gradients_are_true():
    x, weights = draw(2, 3, 5).requires_grad_(), draw(2, 5, seed=1).abs().requires_grad_()
    assert gradcheck(covariance, (x,))
    assert gradcheck(lambda a, w: covariance(a, weights=w), (x, weights))
    assert gradcheck(cross_covariance, (x, draw(2, 4, 5, seed=2).requires_grad_()))
