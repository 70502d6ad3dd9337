import pytest
import torch

from covpool.models.architectures.assembled.big_little import BigLittleStage
from covpool.models.architectures.assembled.bottleneck import Tweaks


def stage(blocks, beta, alpha=2, stride=2):
    return BigLittleStage(8, 4, blocks, stride, alpha=alpha, beta=beta, tweaks=Tweaks())


@pytest.mark.parametrize(
    ("blocks", "beta", "big", "little"),
    [(3, 4, 2, 1), (6, 4, 5, 1), (18, 4, 17, 3), (5, 2, 4, 1), (12, 2, 11, 5), (30, 2, 29, 14)],
)
def test_the_branches_have_the_published_depths(blocks, beta, big, little):
    with torch.device("meta"):
        net = stage(blocks, beta)
    assert (len(net.big), len(net.little), len(net.merge)) == (big, little, 1)


def test_the_big_branch_is_summed_with_the_little_one_before_the_relu():
    net = stage(3, 4).eval()
    x = torch.randn(2, 8, 6, 4)
    big = net.big(x).repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert (big < 0).any()
    little = net.expand_bn(net.expand(net.little(x)))
    torch.testing.assert_close(net(x), net.merge((big + little).relu()))
    assert net(x).shape == (2, 16, 3, 2)
    assert stage(3, 4, stride=1)(x).shape == (2, 16, 6, 4)


def test_an_odd_map_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"even height and width; got \(5, 4\).*multiples of 32"):
        stage(3, 4)(torch.zeros(2, 8, 5, 4))
