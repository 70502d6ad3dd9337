import pytest
import torch
from torch.autograd import gradcheck

from covpool.functional import covariance
from covpool.functional.spectrum.decomposition import log_determinant_prox, spectral_log, spectral_power

VALUES = (0.5, 0.5 + 1e-9, 1.0, 1.0, 3.0)


def matrix(values, seed=0):
    x = torch.randn(len(values), len(values), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    q, _ = torch.linalg.qr(x)
    return q @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ q.T, q


@pytest.mark.parametrize(
    ("function", "scalar"),
    [
        (spectral_log, torch.log),
        (lambda a: spectral_power(a, 0.25), lambda v: v**0.25),
        (lambda a: log_determinant_prox(a, 2.0), lambda v: (v + (v**2 + 8).sqrt()) / 4),
    ],
    ids=["log", "power", "log-determinant prox"],
)
def test_the_function_acts_on_eigenvalues_and_its_gradient_is_true_where_they_meet(function, scalar):
    a, q = matrix(VALUES)
    expected = q @ torch.diag(scalar(torch.tensor(VALUES, dtype=torch.float64))) @ q.T
    torch.testing.assert_close(function(a), expected)
    assert gradcheck(lambda m: function((m + m.mT) / 2), (a.requires_grad_(),))


def test_the_proximal_step_solves_its_equation_for_any_eigenvalue_without_cancellation():
    a, _ = matrix((-1e6, -3.0, 0.0, 2.0, 1e3))
    p = log_determinant_prox(a, 0.5)
    assert torch.linalg.eigvalsh(p).min() > 0
    small = torch.diag(torch.tensor([-1e6, -1e6], dtype=torch.float32))
    torch.testing.assert_close(log_determinant_prox(small, 0.5).diagonal(), torch.full((2,), 1e-6))
    b, _ = matrix((-3.0, -1.0, 0.0, 2.0, 5.0))
    p = log_determinant_prox(b, 0.5)
    torch.testing.assert_close(0.5 * p - torch.linalg.inv(p), b)


def test_the_proximal_step_has_a_true_gradient_at_negative_and_equal_eigenvalues():
    a, _ = matrix((-2.0, -2.0, -1e-9, 0.0, 4.0))
    assert gradcheck(lambda m: log_determinant_prox((m + m.mT) / 2, 0.7), (a.requires_grad_(),))


def test_functions_map_over_a_batch_with_vmap():
    batch = torch.stack([matrix(VALUES, seed)[0] for seed in range(3)])
    torch.testing.assert_close(torch.func.vmap(spectral_log)(batch), spectral_log(batch))


def test_large_null_spaces_of_float32_are_decomposed():
    """LAPACK's float32 solver gives up on some of these."""
    x = torch.rand(2, 256, 49, generator=torch.Generator().manual_seed(0))
    x[:, ::2] = 0
    for a in (covariance(x), covariance(x.mul(0)), torch.ones(1, 256, 256)):
        assert spectral_power(a, 0.5).isfinite().all()
        assert log_determinant_prox(a, 1.0).isfinite().all()


def test_a_gradient_of_the_gradient_is_refused_rather_than_wrong():
    a = torch.eye(3, dtype=torch.float64).mul(2).requires_grad_()
    with pytest.raises(RuntimeError, match="no gradient of their gradient"):
        torch.autograd.grad(spectral_power(a, 0.5).sum(), a, create_graph=True)
