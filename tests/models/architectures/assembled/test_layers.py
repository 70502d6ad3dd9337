import pytest
import torch

from covpool.models.architectures.assembled.layers import SameMaxPool, convolution, norm


def same_by_hand(x):
    """TensorFlow's SAME: the output has ceil(H / 2) rows, and what is missing is added half before, the rest after."""
    side = x.shape[-1]
    out = -(-side // 2)
    before = max((out - 1) * 2 + 3 - side, 0) // 2
    rows = [range(max(2 * i - before, 0), min(2 * i - before + 3, side)) for i in range(out)]
    return torch.stack([torch.stack([x[..., r, :][..., c].amax((-2, -1)) for c in rows], -1) for r in rows], -2)


@pytest.mark.parametrize("side", [7, 8, 9, 12])
def test_the_max_pool_sees_the_windows_of_tensorflow(side):
    x = -torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(SameMaxPool()(x), same_by_hand(x), rtol=0, atol=0)


def test_an_even_map_differs_from_the_symmetric_pool_of_pytorch():
    x = torch.arange(64.0).view(1, 1, 8, 8)
    assert not torch.equal(SameMaxPool()(x), torch.nn.MaxPool2d(3, 2, padding=1)(x))


def test_convolutions_and_norms_have_the_settings_of_the_release():
    assert [convolution(1, 1, kernel, 2).padding for kernel in (1, 3, 7)] == [(0, 0), (1, 1), (3, 3)]
    assert convolution(1, 1, 3).bias is None
    assert norm(4).momentum == pytest.approx(1 - 0.997)
    assert norm(4).eps == 1e-5
