import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from covpool.functional import correlation, distance_covariance, kernel_matrix
from covpool.functional.statistics import channel_distances


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_correlation_equals_numpy():
    x = draw(2, 4, 9)
    for image, r in zip(x, correlation(x), strict=True):
        torch.testing.assert_close(r, torch.from_numpy(np.corrcoef(image.numpy())))


def test_correlation_sees_neither_size_nor_shift_of_a_channel():
    x = draw(2, 4, 9)
    size, shift = draw(4, 1, seed=1).abs() + 0.1, draw(4, 1, seed=2)
    torch.testing.assert_close(correlation(x * size + shift), correlation(x))
    torch.testing.assert_close(correlation(x * 1e-20), correlation(x))


@pytest.mark.parametrize("level", [0.0, 0.1, 1e4])
def test_a_constant_channel_correlates_with_nothing_and_gets_no_gradient(level):
    x = draw(1, 3, 7).float()
    x[:, 1] = level
    x.requires_grad_()
    r = correlation(x)
    r.sum().backward()
    assert (r[0, 1] == 0).all()
    assert (r[0, :, 1] == 0).all()
    assert (x.grad[0, 1] == 0).all()
    torch.testing.assert_close(r[0, 0, 0], torch.tensor(1.0))


def naive_distances(x):
    dim = x.shape[0]
    rows = [torch.stack([((x[a] - x[b]) ** 2).mean() for b in range(dim)]) for a in range(dim)]
    return torch.stack(rows)


def test_channel_distances_equal_a_naive_loop():
    x = draw(2, 4, 9)
    torch.testing.assert_close(channel_distances(x), torch.stack([naive_distances(image) for image in x]))


def test_distance_covariance_equals_a_naive_loop():
    x = draw(4, 9)
    d = (0.7 * naive_distances(x) + 1e-5).sqrt()
    naive = torch.empty_like(d)
    for a in range(4):
        for b in range(4):
            naive[a, b] = d[a, b] - d[a].mean() - d[:, b].mean() + d.mean()
    torch.testing.assert_close(distance_covariance(x, scale=0.7), naive)


def test_distance_covariance_is_negative_semi_definite_with_zero_rows_and_scales_with_the_map():
    x = draw(2, 6, 9)
    a = distance_covariance(x, eps=0.0)
    torch.testing.assert_close(a.sum(-1), torch.zeros(2, 6, dtype=a.dtype))
    assert torch.linalg.eigvalsh(-a).min() > -1e-12
    torch.testing.assert_close(distance_covariance(3 * x, eps=0.0), 3 * a)
    torch.testing.assert_close(distance_covariance(x + draw(2, 1, 9, seed=1), eps=0.0), a)


def test_equal_channels_give_a_finite_gradient_even_without_eps():
    x = torch.ones(1, 3, 5, requires_grad=True)
    distance_covariance(x, eps=0.0).square().sum().backward()
    assert x.grad.isfinite().all()


def test_the_kernel_matrix_equals_a_naive_loop_and_is_positive_semi_definite():
    x = draw(2, 6, 4)
    k = kernel_matrix(x, 0.3)
    torch.testing.assert_close(k, torch.stack([torch.exp(-0.3 * naive_distances(image)) for image in x]))
    assert torch.linalg.eigvalsh(k).min() > -1e-12
    torch.testing.assert_close(k.diagonal(dim1=-2, dim2=-1), torch.ones(2, 6, dtype=k.dtype))


def test_gradients_are_true():
    x, number = draw(2, 3, 5).requires_grad_(), torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(correlation, (x,))
    assert gradcheck(lambda a, s: distance_covariance(a, scale=s), (x, number))
    assert gradcheck(lambda a: distance_covariance(a, eps=0.0), (x,))
    assert gradcheck(kernel_matrix, (x, number))


@pytest.mark.parametrize("function", [correlation, distance_covariance])
def test_a_single_position_is_refused(function):
    with pytest.raises(ValueError, match="at least 2 positions"):
        function(torch.ones(1, 3, 1))
