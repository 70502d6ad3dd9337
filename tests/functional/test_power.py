import torch

from covpool.functional import l2_normalize, signed_power


def test_signed_power_keeps_the_sign_and_is_finite_at_zero():
    x = torch.tensor([-4.0, 0.0, 9.0], dtype=torch.float64, requires_grad=True)
    y = signed_power(x, 0.5, eps=1e-8)
    torch.testing.assert_close(y, torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64), rtol=1e-6, atol=1e-6)
    y.sum().backward()
    assert x.grad.isfinite().all()


def test_l2_normalize_gives_unit_norm_over_the_dimensions_named():
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    norms = l2_normalize(x, (1, 2)).flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(l2_normalize(x), torch.nn.functional.normalize(x, dim=-1))


def test_a_zero_vector_stays_zero_with_a_finite_gradient():
    x = torch.zeros(2, 3, requires_grad=True)
    y = l2_normalize(x)
    y.sum().backward()
    assert (y == 0).all()
    assert x.grad.isfinite().all()


def test_gradients_are_true():
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: l2_normalize(signed_power(a, 0.5), (0, 1)), (x,))
