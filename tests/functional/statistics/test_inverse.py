import pytest
import torch
from sklearn.covariance import graphical_lasso
from torch.autograd import gradcheck

from covpool.functional import covariance, sparse_inverse


def sigma(dim, positions, seed=0, batch=1):
    x = torch.randn(batch, dim, positions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x[:, 1] += 0.8 * x[:, 0]
    return covariance(x)


def unit(a):
    return a / a.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]


@pytest.mark.parametrize(("dim", "positions", "penalty"), [(4, 40, 0.1), (6, 5, 0.2), (5, 60, 0.02)])
def test_many_steps_reach_the_graphical_lasso_of_scikit_learn(dim, positions, penalty):
    """There the diagonal is free; here it is penalised, which is the same problem with a ridge on the covariance."""
    s = unit(sigma(dim, positions))
    ours = sparse_inverse(s, penalty=penalty, steps=3000)[0]
    ridged = (s[0] + penalty * torch.eye(dim, dtype=s.dtype)).numpy()
    _, expected = graphical_lasso(ridged, alpha=penalty, tol=1e-10, enet_tol=1e-10, max_iter=1000)
    torch.testing.assert_close(ours, torch.from_numpy(expected), rtol=1e-5, atol=1e-5)


def test_it_meets_the_optimality_conditions():
    s, penalty = unit(sigma(8, 4)), 0.15
    p = sparse_inverse(s, penalty=penalty, steps=3000)
    slope = torch.linalg.inv(p) - s
    live = p.abs() > 1e-6
    torch.testing.assert_close(slope[live], penalty * p.sign()[live], rtol=0, atol=1e-6)
    assert (slope[~live].abs() <= penalty + 1e-6).all()
    assert (~live).any()


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_any_number_of_steps_gives_a_positive_definite_matrix_free_of_scale(steps):
    s = sigma(8, 3, batch=3)
    p = sparse_inverse(s, steps=steps)
    torch.testing.assert_close(p, p.mT)
    assert torch.linalg.eigvalsh(p).min() > 0
    torch.testing.assert_close(sparse_inverse(1e6 * s, steps=steps), p)


def test_ten_steps_come_within_a_few_percent():
    s = sigma(16, 49)
    exact = sparse_inverse(s, steps=2000)
    assert (sparse_inverse(s) - exact).norm() < 0.05 * exact.norm()


def test_degenerate_covariances_give_finite_values_and_gradients():
    for s in (torch.zeros(1, 3, 3), torch.ones(1, 3, 3), torch.eye(3)[None]):
        a = s.clone().requires_grad_()
        p = sparse_inverse(a)
        p.sum().backward()
        assert p.isfinite().all()
        assert a.grad.isfinite().all()


def test_gradients_are_true():
    assert gradcheck(lambda a: sparse_inverse((a + a.mT) / 2, steps=4), (sigma(4, 3).requires_grad_(),))


def test_penalties_and_steps_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="positive penalty and steps; got 0 and 10"):
        sparse_inverse(torch.eye(2), penalty=0)
    with pytest.raises(ValueError, match="square matrices"):
        sparse_inverse(torch.zeros(2, 3))
