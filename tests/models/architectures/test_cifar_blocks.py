import pytest
import torch
from torch.nn import functional as F

from covpool.models.architectures.cifar_blocks import Basic, Bottleneck, PreactivatedBasic, PreactivatedBottleneck


def warmed(block):
    """In eval mode, with statistics and scales that are not 0 and 1."""
    torch.manual_seed(0)
    for module in block.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_()
    return block.double().eval()


def conv(x, module, stride=1):
    weight = module.weight
    return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)


def norm(x, bn):
    scale = bn.weight / (bn.running_var + 1e-5).sqrt()
    return (x - bn.running_mean[:, None, None]) * scale[:, None, None] + bn.bias[:, None, None]


X = torch.randn(2, 8, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("width", "stride"), [(8, 1), (8, 2), (4, 2)])
def test_the_basic_block_is_rectified_after_the_sum(width, stride):
    b = warmed(Basic(8, width, stride))
    y = norm(conv(X, b.conv1, stride), b.bn1).relu()
    y = norm(conv(y, b.conv2), b.bn2)
    shortcut = X if (width, stride) == (8, 1) else norm(conv(X, b.downsample[0], stride), b.downsample[1])
    torch.testing.assert_close(b(X), (y + shortcut).relu())


@pytest.mark.parametrize(("width", "stride"), [(2, 1), (2, 2), (4, 2)])
def test_the_bottleneck_strides_in_its_3x3(width, stride):
    b = warmed(Bottleneck(8, width, stride))
    y = norm(conv(X, b.conv1), b.bn1).relu()
    y = norm(conv(y, b.conv2, stride), b.bn2).relu()
    y = norm(conv(y, b.conv3), b.bn3)
    shortcut = X if (width, stride) == (2, 1) else norm(conv(X, b.downsample[0], stride), b.downsample[1])
    torch.testing.assert_close(b(X), (y + shortcut).relu())


@pytest.mark.parametrize(("width", "stride"), [(8, 1), (4, 2)])
def test_a_preactivated_shortcut_sees_the_activated_input_where_it_changes_the_width(width, stride):
    b = warmed(PreactivatedBasic(8, width, stride))
    first = norm(X, b.bn1).relu()
    y = conv(norm(conv(first, b.conv1, stride), b.bn2).relu(), b.conv2)
    shortcut = X if width == 8 else conv(first, b.downsample, stride)
    torch.testing.assert_close(b(X), y + shortcut)


@pytest.mark.parametrize(("width", "stride"), [(2, 1), (4, 2)])
def test_a_preactivated_bottleneck_strides_in_its_3x3(width, stride):
    b = warmed(PreactivatedBottleneck(8, width, stride))
    first = norm(X, b.bn1).relu()
    y = norm(conv(first, b.conv1), b.bn2).relu()
    y = norm(conv(y, b.conv2, stride), b.bn3).relu()
    shortcut = X if width == 2 else conv(first, b.downsample, stride)
    torch.testing.assert_close(b(X), conv(y, b.conv3) + shortcut)
