import pytest
import torch

from covpool.models.architectures.assembled.stem import BigLittleStem, deep_stem, plain_stem


@pytest.mark.parametrize(("stem", "weights"), [(plain_stem, 9408), (deep_stem, 864 + 9216 + 18432)])
def test_both_stems_halve_the_image(stem, weights):
    net = stem(3)
    assert net(torch.rand(2, 3, 16, 16)).shape == (2, 64, 8, 8)
    assert sum(p.numel() for p in net.parameters() if p.dim() == 4) == weights


@pytest.mark.parametrize("alpha", [1, 2])
def test_the_big_little_stem_halves_once_more_and_its_narrow_branch_is_divided(alpha):
    net = BigLittleStem(alpha)
    assert net(torch.rand(2, 64, 9, 8)).shape == (2, 64, 5, 4)
    assert net.little1.conv.out_channels == net.little2.conv.out_channels == 64 // alpha
