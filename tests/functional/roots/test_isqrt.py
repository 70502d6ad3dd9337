import logging

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from covpool.functional import covariance, isqrt_covariance, matrix_sqrt, triangle
from covpool.functional.roots.backends import backends, choose_backend
from covpool.functional.roots.newton_schulz import newton_schulz

FAST = ["iteration", "spectral"]
SHAPES = [(6, 4), (6, 6), (6, 9), (5, 2)]


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def value_and_gradient(function, x):
    x = x.clone().requires_grad_()
    y = function(x)
    y.backward(draw(*y.shape, seed=1).to(y.dtype))
    return y.detach(), x.grad


@pytest.mark.parametrize("backend", ["plain", *FAST])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_covariance_root_and_triangle(backend, shape):
    x = draw(3, *shape)
    expected = triangle(matrix_sqrt(covariance(x), backend="plain"))
    torch.testing.assert_close(isqrt_covariance(x, backend=backend), expected, rtol=1e-10, atol=1e-12)


@given(st.integers(1, 9), st.integers(2, 9), st.integers(1, 7), st.integers(0, 999), st.floats(-4, 4))
@settings(max_examples=40, deadline=None)
def test_all_backends_agree_in_value_and_gradient(channels, positions, steps, seed, magnitude):
    x = draw(2, channels, positions, seed=seed) * 10**magnitude
    plain = value_and_gradient(lambda a: isqrt_covariance(a, steps=steps, backend="plain"), x)
    for backend in FAST:
        fast = value_and_gradient(lambda a, b=backend: isqrt_covariance(a, steps=steps, backend=b), x)
        torch.testing.assert_close(fast[0], plain[0], rtol=1e-10, atol=1e-10 * float(plain[0].abs().max()))
        torch.testing.assert_close(fast[1], plain[1], rtol=1e-10, atol=1e-10 * float(plain[1].abs().max()))


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("shape", [(32, 16), (32, 49)])
def test_float32_stays_within_1e_5_of_float64(backend, shape):
    x = draw(4, *shape).abs()
    exact = value_and_gradient(lambda a: isqrt_covariance(a, backend="plain"), x)
    fast = value_and_gradient(lambda a: isqrt_covariance(a, backend=backend), x.float())
    for single, double in zip(fast, exact, strict=True):
        assert (single.double() - double).norm() <= 1e-5 * double.norm()


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_true(backend, shape):
    x = draw(2, *shape).requires_grad_()
    assert gradcheck(lambda a: isqrt_covariance(a, backend=backend), (x,))


@pytest.mark.parametrize("backend", FAST)
def test_equal_eigenvalues_are_harmless(backend):
    x = torch.cat([torch.eye(4), -torch.eye(4)], 1).double()[None]  # covariance: a multiple of the identity
    plain = value_and_gradient(lambda a: isqrt_covariance(a, backend="plain"), x)
    fast = value_and_gradient(lambda a: isqrt_covariance(a, backend=backend), x)
    torch.testing.assert_close(fast, plain, rtol=1e-10, atol=1e-12)
    single = value_and_gradient(lambda a: isqrt_covariance(a, backend=backend), x.float())
    torch.testing.assert_close(single[1].double(), plain[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", FAST)
def test_values_that_are_not_finite_give_nan_and_no_error(backend):
    x = draw(1, 4, 6)
    x[0, 0, 0] = torch.nan
    assert isqrt_covariance(x, backend=backend).isnan().any()


@pytest.mark.parametrize("backend", FAST)
def test_double_backward_says_which_path_has_one(backend):
    x = draw(1, 4, 6).requires_grad_()
    with pytest.raises(RuntimeError, match="backend='plain'"):
        torch.autograd.grad(isqrt_covariance(x, backend=backend).sum(), x, create_graph=True)
    assert torch.autograd.gradgradcheck(
        lambda a: isqrt_covariance(a, steps=2, backend="plain"), (draw(1, 2, 3).requires_grad_(),)
    )


@pytest.mark.parametrize("backend", FAST)
def test_flat_maps_in_float32_give_no_error_and_nothing_but_rounding(backend):
    for seed in range(25):  # rank-one matrices of rounding errors, on which LAPACK's float32 often fails
        generator = torch.Generator().manual_seed(seed)
        level = 5 * torch.rand(8, 16, 1, generator=generator) * (torch.rand(8, 16, 1, generator=generator) > 0.3)
        x = level.expand(8, 16, 196).clone().requires_grad_()
        y = isqrt_covariance(x, backend=backend)
        y.sum().backward()
        assert y.abs().max() < 1e-4
        assert x.grad.isfinite().all()


def test_leading_dimensions_broadcast():
    x = draw(2, 3, 4, 7)
    torch.testing.assert_close(isqrt_covariance(x).flatten(0, 1), isqrt_covariance(x.flatten(0, 1)))
    torch.testing.assert_close(isqrt_covariance(x[0, 0]), isqrt_covariance(x)[0, 0])


def test_auto_is_resolved_and_logged_once(caplog):
    like = draw(1, 37, 41)
    with caplog.at_level(logging.INFO, logger="covpool"):
        first, second = choose_backend("auto", like, 37, 5), choose_backend("auto", like, 37, 5)
    assert first == second
    assert first in backends
    assert len([r for r in caplog.records if "37 x 37" in r.message]) == 1


def test_on_a_cpu_small_sides_and_few_steps_are_iterated_and_large_sides_decomposed():
    like = draw(1, 2, 3)
    assert choose_backend("auto", like, 49, 5) == "iteration"
    assert choose_backend("auto", like, 196, 5) == "spectral"
    assert choose_backend("auto", like, 196, 3) == "iteration"
    assert choose_backend("auto", like.to("meta"), 196, 5) == "iteration"


@pytest.mark.parametrize("backend", ["iteration", "spectral", "plain"])
def test_a_ridge_is_that_of_the_covariance(backend):
    x = draw(2, 6, 4).requires_grad_()
    expected = triangle(newton_schulz(covariance(x, ridge=1e-2), 5))
    upstream = torch.randn_like(expected)
    (wanted,) = torch.autograd.grad(expected, x, upstream)
    y = isqrt_covariance(x, backend=backend, ridge=1e-2)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(torch.autograd.grad(y, x, upstream)[0], wanted)


def test_unknown_backends_are_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'spectral'"):
        isqrt_covariance(draw(1, 2, 3), backend="spectrum")
