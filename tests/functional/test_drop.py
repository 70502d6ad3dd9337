import math

import pytest
import torch

from covpool.functional.drop import adaptive_drop_rate, drop_mask, need_rate


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_rate_is_the_formula():
    x, w = draw(3, 8, 5).abs(), draw(3, 8, seed=1).abs()
    cosines = []
    for image in range(3):
        rows = torch.cov(x[image], correction=0).sum(1)
        cosines.append(w[image] @ rows / (w[image].norm() * rows.norm()))
    expected = 1 - 10 / math.log2(8) * sum(cosines) / 3
    torch.testing.assert_close(adaptive_drop_rate(x, w), expected.clamp(0, 1))
    assert not adaptive_drop_rate(x.requires_grad_(), w).requires_grad


def test_a_map_without_variance_has_a_rate_too():
    assert adaptive_drop_rate(torch.ones(2, 4, 5), torch.ones(2, 4)) == 1


def test_the_mask_keeps_the_expectation_and_repeats_with_its_generator():
    like = torch.zeros(())
    mask = drop_mask((100, 100), torch.tensor(0.3), like, generator=seeded())
    torch.testing.assert_close(mask.unique(), torch.tensor([0.0, 1 / 0.7]))
    assert mask.mean() == pytest.approx(1, abs=0.03)
    assert torch.equal(mask, drop_mask((100, 100), 0.3, like, generator=seeded()))


@pytest.mark.parametrize(("rate", "kept"), [(0.0, 1.0), (1.0, 0.0)])
def test_the_extreme_rates_keep_all_or_nothing(rate, kept):
    assert (drop_mask((50,), rate, torch.zeros(())) == kept).all()


def test_values_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 2 channels"):
        adaptive_drop_rate(torch.ones(1, 1, 4), torch.ones(1, 1))
    with pytest.raises(ValueError, match="at least 2 positions"):
        adaptive_drop_rate(torch.ones(1, 4, 1), torch.ones(1, 4))
    with pytest.raises(ValueError, match=r"in \[0, 1\]; got 1.5"):
        need_rate(1.5)
