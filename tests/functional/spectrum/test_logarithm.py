import pytest
import scipy.linalg
import torch
from torch.autograd import gradcheck

from covpool.functional import covariance, log_cholesky, matrix_log
from covpool.functional.spectrum.logarithm import FLOOR

BOTH = pytest.mark.parametrize("function", [matrix_log, log_cholesky])


def psd(dim, positions=40, seed=0, batch=2):
    x = torch.randn(batch, dim, positions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return covariance(x)


def lifted(a, ridge=1e-3):
    mean = a.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    return a + (ridge * mean + FLOOR) * torch.eye(a.shape[-1], dtype=a.dtype)


@pytest.mark.parametrize("positions", [40, 3])
def test_the_logarithm_equals_scipy_and_its_exponential_leads_back(positions):
    a = psd(5, positions)
    log = matrix_log(a)
    for one, expected in zip(log, lifted(a), strict=True):
        torch.testing.assert_close(
            one, torch.from_numpy(scipy.linalg.logm(expected.numpy()).real), atol=1e-9, rtol=1e-9
        )
    torch.testing.assert_close(torch.linalg.matrix_exp(log), lifted(a))


def test_a_scale_shifts_the_logarithm_and_a_rotation_rotates_it():
    a = psd(5)
    q, _ = torch.linalg.qr(psd(5, seed=1, batch=1)[0])
    shift = torch.log(torch.tensor(7.0, dtype=a.dtype)) * torch.eye(5, dtype=a.dtype)
    torch.testing.assert_close(matrix_log(7 * a), matrix_log(a) + shift)
    torch.testing.assert_close(matrix_log(q @ a @ q.T), q @ matrix_log(a) @ q.T)


@pytest.mark.parametrize("positions", [40, 3])
def test_the_factor_multiplies_back_and_its_diagonal_is_a_logarithm(positions):
    a = psd(5, positions)
    factor, logged = log_cholesky(a, log_diagonal=False), log_cholesky(a)
    torch.testing.assert_close(factor.mT @ factor, lifted(a))
    assert (factor.tril(-1) == 0).all()
    torch.testing.assert_close(logged.triu(1), factor.triu(1))
    torch.testing.assert_close(logged.diagonal(dim1=-2, dim2=-1).exp(), factor.diagonal(dim1=-2, dim2=-1))


@BOTH
@pytest.mark.parametrize("size", [0.0, 1e-8, 1.0, 1e8, 1e16])
def test_singular_float32_covariances_of_any_size_give_finite_values_and_gradients(function, size):
    one = torch.ones(1, 64, 64)
    few = psd(64, positions=2, batch=1).float()
    for a in (size * one, size * few):
        a = a.clone().requires_grad_()
        y = function(a)
        y.sum().backward()
        assert y.isfinite().all()
        assert a.grad.isfinite().all()


@BOTH
def test_gradients_are_true(function):
    for a in (psd(4, batch=1), torch.eye(3, dtype=torch.float64)[None]):
        assert gradcheck(lambda m: function((m + m.mT) / 2), (a.requires_grad_(),))


@BOTH
def test_a_ridge_of_zero_is_refused(function):
    with pytest.raises(ValueError, match="positive ridge"):
        function(torch.eye(2), ridge=0)
