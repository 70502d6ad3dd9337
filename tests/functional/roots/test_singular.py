import pytest
import torch
from torch.autograd import gradcheck

from covpool.functional.roots.singular import singular_power, singular_sqrt


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rooted(a, power=0.5):
    u, s, v = torch.linalg.svd(a, full_matrices=False)
    return (u * s.unsqueeze(-2) ** power) @ v


def test_all_values_after_many_steps_are_the_power_by_svd():
    u, v = (torch.linalg.qr(draw(3, 3, seed=seed))[0] for seed in (1, 2))
    a = u @ torch.diag(torch.tensor([9.0, 4.0, 1.0], dtype=u.dtype)) @ v
    found = singular_power(a, draw(3, seed=3), count=None, steps=60, power=0.3)
    torch.testing.assert_close(found, rooted(a, 0.3), rtol=1e-6, atol=1e-6)


def test_the_leading_value_is_rooted_and_the_rest_divided_by_what_is_left_of_it():
    a = torch.diag(torch.tensor([9.0, 4.0], dtype=torch.float64))
    found = singular_power(a, torch.tensor([1.0, 0.0], dtype=a.dtype), eps=0.0)
    torch.testing.assert_close(found, torch.diag(torch.tensor([3.0, 4 / 3], dtype=a.dtype)))


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 3, 5), (2, 5, 3)])
def test_newton_schulz_reaches_the_root_of_all_singular_values(shape):
    a = draw(*shape)
    torch.testing.assert_close(singular_sqrt(a, steps=30), rooted(a), rtol=1e-6, atol=1e-6)


def test_gradients_are_true():
    a, start = draw(2, 3, 4).requires_grad_(), draw(4, seed=1).requires_grad_()
    assert gradcheck(lambda a, v: singular_power(a, v, count=2, steps=3), (a, start))
    assert gradcheck(lambda a: singular_sqrt(a, steps=6), (a,))


@pytest.mark.parametrize("function", [lambda a: singular_power(a, torch.ones(3)), singular_sqrt])
def test_a_zero_matrix_gives_zero_with_a_finite_gradient(function):
    a = torch.zeros(2, 3, 3, requires_grad=True)
    y = function(a)
    y.sum().backward()
    assert (y == 0).all()
    assert a.grad.isfinite().all()


def test_values_that_mean_nothing_are_refused():
    a, start = draw(3, 3), draw(3)
    for options, sentence in [
        ({"power": 0.0}, "power"),
        ({"count": 0}, "count"),
        ({"steps": 0}, "steps"),
        ({"count": 2}, "steps of at least 2"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            singular_power(a, start, **options)
