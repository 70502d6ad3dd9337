import pytest
import torch

from covpool.pooling.fillings.projected import LearnedForms, QuadraticForms, RandomForms


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_random_forms_are_buffers_drawn_from_their_seed_alone():
    torch.manual_seed(1)
    first = RandomForms(6, width=9)
    torch.manual_seed(2)
    again, other = RandomForms(6, width=9), RandomForms(6, width=9, seed=1)
    assert torch.equal(first.left, again.left)
    assert torch.equal(first.right, again.right)
    assert not torch.equal(first.left, first.right)
    assert not torch.equal(first.right, other.left)
    assert list(first.parameters()) == []
    assert set(first.state_dict()) == {"left", "right"}


def test_the_sketch_keeps_squared_norms_on_average():
    x = draw(1, 5, 9)
    sketch = RandomForms(5, width=100_000)(x)
    assert sketch.square().sum().item() == pytest.approx((x @ x.mT / 9).square().sum().item(), rel=0.03)


def test_learned_forms_are_the_mean_of_a_product_of_projections():
    x, forms = draw(2, 4, 9), LearnedForms(4, width=7).double()
    torch.testing.assert_close(forms(x), ((forms.left @ x) * (forms.right @ x)).mean(-1))


def test_quadratic_forms_of_gaussian_descriptors_follow_the_chi_square_law():
    """N w'Sw / w'w of N standard normal descriptors has mean N - 1 and variance 2 (N - 1)."""
    forms = QuadraticForms(3, width=1).double()
    z = 20 * forms(draw(20_000, 3, 20)) / forms.weight.square().sum()
    assert z.mean().item() == pytest.approx(19, rel=0.02)
    assert z.var().item() == pytest.approx(38, rel=0.05)


def test_no_forms_at_all_are_refused():
    for kind in (RandomForms, LearnedForms, QuadraticForms):
        with pytest.raises(ValueError, match="at least 1; got 0"):
            kind(4, width=0)
