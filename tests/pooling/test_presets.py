import pytest
import torch

from covpool.pooling import create_pool, list_pools, pools, register_pool
from covpool.pooling.reduce import ChannelReduction
from covpool.registry import UnknownName


def test_the_table_holds_the_promised_names():
    promised = {"isqrt", "mpncov-eig", "covariance", "bilinear", "avg", "gem", "max", "stats"}
    assert promised <= set(list_pools())
    assert pools.resolve("mpncov") == "isqrt"


def test_every_row_says_what_it_is_and_where_it_is_from():
    for name in pools:
        preset = pools.get(name)
        assert preset.summary
        assert preset.source
        assert preset.order in (1, 2)


def test_no_reduction_layer_unless_asked_for():
    assert isinstance(create_pool("isqrt", 256).reduce, torch.nn.Identity)
    reduced = create_pool("isqrt", 2048, reduce_to=256)
    assert isinstance(reduced.reduce, ChannelReduction)
    assert reduced.out_features == 32896


def test_an_unknown_name_is_answered_with_the_nearest_and_the_list():
    with pytest.raises(UnknownName, match=r"unknown pool 'mpn-cov'; did you mean 'mpncov'\? \(attention, avg, "):
        create_pool("mpn-cov", 8)


def test_all_mistakes_of_a_call_are_reported_together():
    with pytest.raises(ValueError) as caught:
        create_pool("isqrt", 0, reduce_to=-1, step=3)
    message = str(caught.value)
    assert "no option 'step'; did you mean 'steps'?" in message
    assert "in_features needs to be a positive number" in message
    assert "reduce_to needs to be a positive number" in message


def test_a_needed_option_is_named():
    with pytest.raises(ValueError, match="pool 'avg-expand' needs the option 'width'"):
        create_pool("avg-expand", 8)


def test_a_pool_of_the_users_is_built_by_name_and_may_not_hide_another():
    class Range(torch.nn.Module):
        order = 1

        def __init__(self, in_features, reduce_to=None, *, scale=1.0):
            super().__init__()
            self.in_features, self.out_features, self.scale = in_features, in_features, scale

        def forward(self, x):
            return self.scale * (x.amax((2, 3)) - x.amin((2, 3)))

    register_pool("range-of-a-test", Range, order=1, summary="maximum less minimum")
    try:
        pool = create_pool("range-of-a-test", 3, scale=2.0)
        assert pool(torch.arange(12.0).reshape(1, 3, 2, 2)).tolist() == [[6.0, 6.0, 6.0]]
        with pytest.raises(ValueError, match="registered already"):
            register_pool("mpncov", Range)
    finally:
        pools._entries.pop("range-of-a-test")
