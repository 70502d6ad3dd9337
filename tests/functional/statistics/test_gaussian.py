import pytest
import torch
from torch.autograd import gradcheck

from covpool.functional.statistics.gaussian import (
    generalized_gaussian_scatter,
    generalized_gaussian_weights,
    regularized_scatter,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance(x):
    return x @ x.mT / x.shape[-1]


@pytest.mark.parametrize("theta", [0.0, 0.3, 1.0])
def test_the_closed_form_solves_its_equation(theta):
    a = covariance(draw(2, 4, 9))
    s = regularized_scatter(a, theta)
    torch.testing.assert_close(theta * s @ s + (1 - theta) * s, a)


@pytest.mark.parametrize("theta", [0.0, 0.5, 1.0])
def test_the_closed_form_minimises_the_penalised_likelihood(theta):
    a = covariance(draw(4, 9))

    def loss(s):
        log = torch.linalg.eigh(s)[0].log().sum()
        return log + torch.linalg.solve(s, a).trace() + theta * (s.trace() - log)

    best = regularized_scatter(a, theta)
    for seed in range(5):
        step = 1e-3 * covariance(draw(4, 6, seed=seed))
        assert loss(best) < min(loss(best + step), loss(best - step))


@pytest.mark.parametrize("theta", [0.0, 0.5, 1.0])
def test_the_gradient_of_the_closed_form_is_true(theta):
    x = draw(2, 4, 9).requires_grad_()
    assert gradcheck(lambda x: regularized_scatter(covariance(x), theta), (x,))


@pytest.mark.parametrize(("beta", "theta"), [(0.25, 1.0), (0.5, 0.5), (1.5, 0.0)])
def test_the_gradient_through_the_steps_is_true(beta, theta):
    x = draw(2, 3, 9).requires_grad_()
    assert gradcheck(lambda x: generalized_gaussian_scatter(x, beta=beta, theta=theta, steps=3), (x,))


def test_one_step_is_the_formula():
    x, beta, theta = draw(3, 20), 0.5, 1.0
    x = x - x.mean(-1, keepdim=True)
    start = regularized_scatter(covariance(x), theta)
    u = torch.stack([x[:, i] @ torch.linalg.inv(start) @ x[:, i] for i in range(20)])
    w = beta * u ** (beta - 1)
    torch.testing.assert_close(generalized_gaussian_weights(x, start, beta), w)
    expected = regularized_scatter((w * x) @ x.T / 20, theta)
    torch.testing.assert_close(generalized_gaussian_scatter(x, beta=beta, theta=theta, steps=1), expected)


def test_a_gaussian_needs_no_step():
    x = draw(2, 3, 20)
    none, many = (generalized_gaussian_scatter(x, beta=1.0, theta=0.5, steps=steps) for steps in (0, 4))
    torch.testing.assert_close(none, many)


def test_a_far_position_counts_less_where_the_tails_are_heavy():
    x = draw(3, 30)
    x[:, 0] *= 20
    x = x - x.mean(-1, keepdim=True)
    weights = generalized_gaussian_weights(x, covariance(x), beta=0.5)
    assert weights.argmin() == 0


def test_rotating_the_channels_rotates_the_scatter():
    x = draw(4, 20)
    q, _ = torch.linalg.qr(draw(4, 4, seed=1))
    torch.testing.assert_close(generalized_gaussian_scatter(q @ x), q @ generalized_gaussian_scatter(x) @ q.T)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("theta", [0.0, 0.5, 1.0])
def test_fewer_positions_than_channels_and_flat_maps_stay_finite(theta, dtype):
    few = draw(8, 3).to(dtype)
    for x in (few, 0 * few, torch.ones_like(few), draw(64, 1, seed=3).to(dtype).expand(64, 196).clone()):
        x.requires_grad_()
        y = generalized_gaussian_scatter(x, theta=theta)
        y.sum().backward()
        assert y.isfinite().all()
        assert x.grad.isfinite().all()


def test_values_that_mean_nothing_are_refused():
    x = draw(3, 5)
    for options, sentence in [({"beta": 2.0}, "beta"), ({"theta": 1.5}, "theta"), ({"steps": -1}, "steps")]:
        with pytest.raises(ValueError, match=f"{sentence} needs"):
            generalized_gaussian_scatter(x, **options)
    with pytest.raises(ValueError, match="at least 2 positions"):
        generalized_gaussian_scatter(x[:, :1])
