import pytest
import torch
from torch.autograd import gradcheck

from covpool.functional import covariance, max_exp, rank_one_update


def psd(dim, positions=40, seed=0, batch=2):
    x = torch.randn(batch, dim, positions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return covariance(x)


START = torch.tensor([0.3, -1.0, 0.5, 0.8, 0.1], dtype=torch.float64)


@pytest.mark.parametrize("exponent", [1, 2, 7, 20])
def test_maxexp_acts_on_each_eigenvalue(exponent):
    a = psd(5)
    values, vectors = torch.linalg.eigh(a)
    shares = values / values.sum(-1, keepdim=True)
    expected = vectors @ torch.diag_embed(1 - (1 - shares) ** exponent) @ vectors.mT
    torch.testing.assert_close(max_exp(a, exponent), expected)


def test_maxexp_lies_between_zero_and_one_and_does_not_see_a_scale():
    a = psd(8, positions=4)
    y = max_exp(a)
    values = torch.linalg.eigvalsh(y)
    assert values.min() > -1e-12
    assert values.max() < 1 + 1e-12
    torch.testing.assert_close(max_exp(1e6 * a), y)


def test_the_update_is_the_second_moment_of_descriptors_that_lost_a_share_along_the_vector():
    x = torch.randn(1, 5, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    a = x @ x.mT / 9
    v = a[0] @ (a[0] @ START)
    v = v / v.norm()
    less = x - 0.4 * v[:, None] * (v @ x)
    torch.testing.assert_close(rank_one_update(a, START, strength=0.4), less @ less.mT / 9)


def test_many_power_steps_shrink_the_largest_eigenvalue_alone():
    a = psd(5)
    before = torch.linalg.eigvalsh(a)
    after = rank_one_update(a, START, strength=0.3, steps=500)
    expected = torch.cat([before[:, :-1], 0.49 * before[:, -1:]], -1).sort().values
    torch.testing.assert_close(torch.linalg.eigvalsh(after), expected)


def test_the_update_scales_with_its_matrix_and_stays_positive_semi_definite():
    a = psd(5, positions=3)
    y = rank_one_update(a, START)
    torch.testing.assert_close(rank_one_update(1e6 * a, START), 1e6 * y)
    assert torch.linalg.eigvalsh(y).min() > -1e-12


@pytest.mark.parametrize("function", [max_exp, lambda a: rank_one_update(a, START[:3].to(a.dtype))])
@pytest.mark.parametrize("a", [torch.zeros(1, 3, 3), torch.ones(1, 3, 3), torch.eye(3)[None]])
def test_degenerate_matrices_give_finite_values_and_gradients(function, a):
    a = a.clone().requires_grad_()
    y = function(a)
    y.sum().backward()
    assert y.isfinite().all()
    assert a.grad.isfinite().all()


def test_gradients_are_true():
    a = psd(5, batch=1).requires_grad_()
    assert gradcheck(max_exp, (a,))
    assert gradcheck(lambda m: rank_one_update(m, START), (a,))


def test_values_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="exponent of at least 1; got 0"):
        max_exp(torch.eye(2), 0)
    with pytest.raises(ValueError, match=r"strength in \[0, 1\]"):
        rank_one_update(torch.eye(5), START.float(), strength=2.0)
