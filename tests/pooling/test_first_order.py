import math

import pytest
import torch

from covpool.pooling import create_pool


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1


def test_avg_max_and_stats_equal_torch():
    x = draw(2, 3, 4, 5)
    flat = x.flatten(2)
    torch.testing.assert_close(create_pool("avg", 3)(x), flat.mean(-1))
    torch.testing.assert_close(create_pool("max", 3)(x), flat.amax(-1))
    torch.testing.assert_close(create_pool("stats", 3)(x), torch.cat([flat.mean(-1), flat.std(-1, correction=0)], 1))


def test_gem_starts_at_three_and_learns_its_exponent():
    pool, x = create_pool("gem", 3), draw(2, 3, 4, 5)
    torch.testing.assert_close(pool.double()(x), x.flatten(2).pow(3).mean(-1).pow(1 / 3))
    pool(x).sum().backward()
    assert pool.summarize.p.grad is not None
    assert not create_pool("gem", 3, learn_p=False).summarize.p.requires_grad


def test_the_control_is_a_rectified_linear_map_of_the_average():
    pool, x = create_pool("avg-expand", 3, width=7).double(), draw(2, 3, 4, 5)
    expand = pool.summarize.expand
    torch.testing.assert_close(pool(x), (x.flatten(2).mean(-1) @ expand.weight.T + expand.bias).clamp(min=0))


def test_the_random_control_is_the_same_wherever_it_is_drawn_and_never_trained():
    torch.manual_seed(1)
    first = create_pool("avg-expand", 3, width=7, learned=False)
    torch.manual_seed(2)
    again, other = (create_pool("avg-expand", 3, width=7, learned=False, seed=seed) for seed in (0, 1))
    x = draw(2, 3, 4, 5).float()
    assert torch.equal(first(x), again(x))
    assert not torch.equal(first(x), other(x))
    assert list(first.parameters()) == []


def test_an_exponent_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="p > 0; got 0"):
        create_pool("gem", 3, p=0)


def test_the_smooth_maximum_learns_its_sharpness_and_softpool_has_nothing_to_learn():
    x = draw(2, 3, 4, 5)
    pool = create_pool("lse", 3, sharpness=4.0).double()
    torch.testing.assert_close(pool(x), (torch.logsumexp(4 * x.flatten(2), -1) - math.log(20)) / 4)
    pool(x).sum().backward()
    assert pool.summarize.log_sharpness.grad is not None
    assert list(create_pool("softpool", 3).parameters()) == []
    with pytest.raises(ValueError, match="sharpness above 0; got 0"):
        create_pool("lse", 3, sharpness=0)


def test_the_fixed_generalized_mean_has_a_floor_and_no_weights():
    pool, x = create_pool("gem-fixed", 3), draw(2, 3, 4, 5)
    x[:, 1] = 0
    expected = (x.flatten(2).clamp(min=1e-6).pow(3).sum(-1).clamp(min=1e-6) / 20).pow(1 / 3)
    torch.testing.assert_close(pool(x), expected)
    assert not pool.state_dict()
    with pytest.raises(ValueError, match="p > 0; got -1"):
        create_pool("gem-fixed", 3, p=-1)


def test_flatten_keeps_every_position_in_either_order():
    x = draw(2, 3, 4, 5)
    torch.testing.assert_close(create_pool("flatten", 3, positions=20)(x), x.permute(0, 2, 3, 1).flatten(1))
    pool = create_pool("flatten", 3, positions=20, channels_last=False)
    torch.testing.assert_close(pool(x), x.flatten(1))
    assert pool.out_features == 60


def test_flatten_takes_maps_of_one_size():
    with pytest.raises(ValueError, match="maps of 20 positions; got 16"):
        create_pool("flatten", 3, positions=20)(draw(2, 3, 4, 4))
    with pytest.raises(ValueError, match="1 or more; got 0"):
        create_pool("flatten", 3, positions=0)
