import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from covpool.functional import covariance, matrix_power, matrix_sqrt


def psd(dim, positions=40, seed=0, batch=2):
    x = torch.randn(batch, dim, positions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return covariance(x)


def scalar_newton_schulz(value, steps):
    """The iteration on one eigenvalue, with its trace being 1."""
    y, z = value, 1.0
    for _ in range(steps):
        t = (3 - z * y) / 2
        y, z = y * t, t * z
    return y


@pytest.mark.parametrize("steps", [1, 2, 5, 9])
def test_newton_schulz_acts_on_each_eigenvalue_as_the_scalar_recurrence(steps):
    shares = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    root = matrix_sqrt(torch.diag(4 * shares), steps=steps).diagonal()
    expected = 2 * torch.tensor([scalar_newton_schulz(float(s), steps) for s in shares], dtype=torch.float64)
    torch.testing.assert_close(root, expected)


def test_the_published_five_steps_are_far_from_a_converged_root():
    shares = torch.tensor([1 - 1 / 256, 1 / 256], dtype=torch.float64)
    root = matrix_sqrt(torch.diag(shares)).diagonal()
    assert root[1] / shares[1].sqrt() == pytest.approx(0.45, abs=0.01)


def test_the_spectral_root_squares_to_the_matrix():
    a = psd(6)
    root = matrix_sqrt(a, method="eig")
    torch.testing.assert_close(root @ root, a)


def test_many_newton_schulz_steps_reach_the_spectral_root():
    a = psd(5)
    torch.testing.assert_close(matrix_sqrt(a, steps=30), matrix_sqrt(a, method="eig"))


@given(st.integers(2, 6), st.floats(1e-4, 1e4), st.integers(0, 10_000), st.sampled_from(["newton-schulz", "eig"]))
@settings(max_examples=40, deadline=None)
def test_the_root_scales_with_the_root_of_the_scale(dim, scale, seed, method):
    a = psd(dim, seed=seed, batch=1)
    torch.testing.assert_close(
        matrix_sqrt(scale * a, method=method), scale**0.5 * matrix_sqrt(a, method=method), rtol=1e-9, atol=1e-12
    )


@given(st.integers(2, 6), st.integers(0, 10_000), st.sampled_from(["newton-schulz", "eig"]))
@settings(max_examples=30, deadline=None)
def test_rotating_the_matrix_rotates_the_root(dim, seed, method):
    a = psd(dim, seed=seed, batch=1)
    q, _ = torch.linalg.qr(psd(dim, seed=seed + 1, batch=1))
    rotated = matrix_sqrt(q @ a @ q.mT, method=method)
    torch.testing.assert_close(rotated, q @ matrix_sqrt(a, method=method) @ q.mT, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", ["newton-schulz", "eig"])
def test_the_root_of_a_psd_matrix_is_symmetric_and_psd(method):
    root = matrix_sqrt(psd(8, positions=4), method=method)
    torch.testing.assert_close(root, root.mT)
    assert torch.linalg.eigvalsh(root).min() > -1e-12


@pytest.mark.parametrize("method", ["newton-schulz", "eig"])
@pytest.mark.parametrize(
    "a", [torch.zeros(2, 3, 3), torch.ones(1, 3, 3), torch.eye(3)[None]], ids=["zero", "one", "eye"]
)
def test_degenerate_matrices_give_finite_roots_and_gradients(a, method):
    a = a.double().requires_grad_()
    root = matrix_sqrt(a, method=method)
    root.sum().backward()
    assert root.isfinite().all()
    assert a.grad.isfinite().all()


def symmetric(function):
    return lambda a: function((a + a.mT) / 2)


def test_gradients_are_true():
    a = psd(4, batch=1).requires_grad_()
    assert gradcheck(lambda m: matrix_sqrt(m, backend="plain"), (a,))
    for backend in ("iteration", "spectral"):
        assert gradcheck(symmetric(lambda m, b=backend: matrix_sqrt(m, backend=b)), (a,))
    assert gradcheck(symmetric(lambda m: matrix_sqrt(m, method="eig")), (a,))
    for power in (0.3, 0.75, 1.0, 2.0):
        assert gradcheck(symmetric(lambda m, p=power: matrix_power(m, p)), (a,))


def test_the_power_gradient_is_true_for_equal_and_nearly_equal_eigenvalues():
    for gap in (0.0, 1e-9, 1e-5):
        a = torch.diag(torch.tensor([1.0, 1.0 + gap, 2.0], dtype=torch.float64)).requires_grad_()
        assert gradcheck(symmetric(lambda m: matrix_power(m, 0.4)), (a,))


def test_the_power_of_a_rank_deficient_covariance_has_the_true_gradient_in_the_descriptors():
    x = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64).requires_grad_()
    assert gradcheck(lambda m: matrix_power(covariance(m)), (x,))


def test_double_backward_works_through_the_plain_iteration():
    a = psd(3, batch=1).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda m: matrix_sqrt(m, steps=3, backend="plain"), (a,))


def test_wrong_arguments_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match=r"square matrices .* got shape \(2, 3\)"):
        matrix_sqrt(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="steps of at least 1; got 0"):
        matrix_sqrt(torch.eye(2), steps=0)
    with pytest.raises(ValueError, match="did you mean 'newton-schulz'"):
        matrix_sqrt(torch.eye(2), method="newton-schultz")
    with pytest.raises(ValueError, match="positive power; got 0"):
        matrix_power(torch.eye(2), 0)
