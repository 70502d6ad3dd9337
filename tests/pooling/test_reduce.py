import pytest
import torch

from covpool.pooling import create_pool
from covpool.pooling.reduce import ChannelReduction
from covpool.registry import UnknownName


def test_the_reduction_is_convolution_norm_and_activation():
    layer = ChannelReduction(6, 4).eval()
    x = torch.randn(2, 6, 3, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.einsum("oi,bihw->bohw", layer.conv.weight[:, :, 0, 0], x) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(layer(x), expected.relu())


def test_relu6_ends_at_six():
    layer = ChannelReduction(3, 2, act="relu6").eval()
    assert layer(torch.full((1, 3, 2, 2), 1e4)).max() <= 6


def test_eps_is_that_of_the_norm():
    assert ChannelReduction(3, 2, eps=1e-4).norm.eps == 1e-4


def test_pools_hand_activation_and_eps_to_their_reduction():
    pool = create_pool("isqrt", 8, 4, reduce_act="relu6", reduce_eps=1e-3)
    assert isinstance(pool.reduce.act, torch.nn.ReLU6)
    assert pool.reduce.norm.eps == 1e-3
    assert create_pool("dropcov", 8, 4, reduce_eps=1e-4).reduce.norm.eps == 1e-4


def test_an_unknown_activation_is_an_error_that_lists_the_known_ones():
    with pytest.raises(UnknownName, match="relu6"):
        ChannelReduction(3, 2, act="gelu")
