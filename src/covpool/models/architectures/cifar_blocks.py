"""The four residual blocks of networks for small pictures: basic or bottleneck, activation after or before."""

from __future__ import annotations

from torch import Tensor, nn


class Basic(nn.Module):
    """Two 3x3 convolutions, each with batch norm; the sum is rectified (He et al. CVPR 2016, figure 2).

    Shape: (B, wide, H, W) -> (B, width, H / stride, W / stride).
    """

    expansion = 1

    def __init__(self, wide: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv3x3(wide, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.act = nn.ReLU()
        self.downsample = _normed_shortcut(wide, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv1(x)))
        return self.act(self.bn2(self.conv2(y)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with batch norm; the stride is on the 3x3.

    Shape: (B, wide, H, W) -> (B, 4 width, H / stride, W / stride).
    """

    expansion = 4

    def __init__(self, wide: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv1x1(wide, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv1x1(width, 4 * width)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.act = nn.ReLU()
        self.downsample = _normed_shortcut(wide, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv1(x)))
        y = self.act(self.bn2(self.conv2(y)))
        return self.act(self.bn3(self.conv3(y)) + self.downsample(x))


class PreactivatedBasic(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions (He et al. ECCV 2016, figure 4e).

    A shortcut that changes the width sees the activated input; one that does not passes the input as it is.

    Shape: (B, wide, H, W) -> (B, width, H / stride, W / stride).
    """

    expansion = 1

    def __init__(self, wide: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(wide)
        self.conv1 = _conv3x3(wide, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width)
        self.act = nn.ReLU()
        self.downsample = _plain_shortcut(wide, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(y)
        y = self.conv1(y)
        return self.conv2(self.act(self.bn2(y))) + shortcut


class PreactivatedBottleneck(nn.Module):
    """Batch norm and ReLU before each of 1x1, 3x3 (with the stride) and 1x1; shortcuts as in ``PreactivatedBasic``.

    Shape: (B, wide, H, W) -> (B, 4 width, H / stride, W / stride).
    """

    expansion = 4

    def __init__(self, wide: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(wide)
        self.conv1 = _conv1x1(wide, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, stride)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = _conv1x1(width, 4 * width)
        self.act = nn.ReLU()
        self.downsample = _plain_shortcut(wide, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(y)
        y = self.conv1(y)
        y = self.conv2(self.act(self.bn2(y)))
        return self.conv3(self.act(self.bn3(y))) + shortcut


def _conv1x1(wide: int, wider: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(wide, wider, 1, stride, bias=False)


def _conv3x3(wide: int, wider: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(wide, wider, 3, stride, padding=1, bias=False)


def _normed_shortcut(wide: int, wider: int, stride: int) -> nn.Module:
    if stride == 1 and wide == wider:
        return nn.Identity()
    return nn.Sequential(_conv1x1(wide, wider, stride), nn.BatchNorm2d(wider))


def _plain_shortcut(wide: int, wider: int, stride: int) -> nn.Conv2d | None:
    return None if stride == 1 and wide == wider else _conv1x1(wide, wider, stride)
