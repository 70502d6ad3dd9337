import pytest
import torch

from covpool.pooling import create_pool
from covpool.pooling.reweight import AdaptiveChannelDrop, PositionGate, PositionGates


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).abs()


def test_each_gate_sees_what_the_one_before_left_and_the_original_map():
    gates, x = PositionGates(4, count=2).double().eval(), draw(2, 4, 3, 3)
    first, second = gates.gates
    once = x * first(x, x)
    torch.testing.assert_close(gates(x), once * second(once, x))


def test_a_gate_gives_one_weight_between_zero_and_one_a_position():
    weight = PositionGate(6).double()(draw(2, 6, 3, 5), draw(2, 6, 3, 5, seed=1))
    assert weight.shape == (2, 1, 3, 5)
    assert ((weight > 0) & (weight < 1)).all()


def test_a_released_block_has_as_many_parameters_as_ours():
    assert sum(p.numel() for p in PositionGate(256).parameters()) == 346_817


def test_dropping_channels_is_of_training_only():
    drop, x = AdaptiveChannelDrop(6).double(), draw(2, 6, 3, 3)
    assert drop.eval()(x) is x
    y = drop.train()(x)
    dropped = (y == 0).flatten(2).all(-1)
    expected = x * (1 + drop.importance(x)[:, :, None, None])
    ratio = (y / expected)[~dropped]
    torch.testing.assert_close(ratio, ratio[:1].flatten()[:1].expand_as(ratio).clone(), rtol=1e-9, atol=0)


def test_the_eval_vector_of_dropcov_is_that_of_the_plain_covariance():
    x = draw(2, 6, 3, 3)
    torch.testing.assert_close(create_pool("dropcov", 6).eval()(x), create_pool("covariance", 6)(x))


def test_values_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="reduction of at least 1"):
        PositionGate(4, reduction=0)
    with pytest.raises(ValueError, match="at least 1 gate"):
        PositionGates(4, count=0)
    with pytest.raises(ValueError, match="at least 2 channels"):
        create_pool("dropcov", 1)
    with pytest.raises(ValueError, match="did you mean 'newton-schulz'"):
        create_pool("dropcov", 6, normalize="newton")
