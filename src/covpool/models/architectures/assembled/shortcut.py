"""The projection shortcut of a stage's first block, in its three forms."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from covpool.models.architectures.assembled.blur import Blur
from covpool.models.architectures.assembled.layers import convolution, norm


class PairAverage(nn.Module):
    """The 2x2 average of a ResNet-D shortcut, as TensorFlow computes it.

    At stride 2 an odd map gets a row and a column of zeros, which count in the mean. At stride 1, in the first stage,
    the average is taken too, over the pixels that are there; timm has nothing in that place.

    Source: He et al. CVPR 2019 (ResNet-D); nets/resnet_model.py of the Assemble-ResNet release.
    Shape: (B, C, H, W) -> (B, C, ceil(H / stride), ceil(W / stride)).

    Example:
        >>> import torch
        >>> PairAverage(stride=2)(torch.ones(1, 1, 3, 3)).flatten()
        tensor([1.0000, 0.5000, 0.5000, 0.2500])
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:  # a repeated edge has the mean of the pixels that are there
            return F.avg_pool2d(F.pad(x, (0, 1, 0, 1), mode="replicate"), 2, stride=1)
        height, width = x.shape[-2:]
        return F.avg_pool2d(F.pad(x, (0, width % 2, 0, height % 2)), 2, stride=self.stride)


class TripleAverage(nn.Module):
    """The 3x3 average of a Big-Little shortcut, zeros at the edges counted; nothing at stride 1.

    Source: nets/resnet_model.py of the Assemble-ResNet release.
    Shape: (B, C, H, W) -> (B, C, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x if self.stride == 1 else F.avg_pool2d(x, 3, stride=self.stride, padding=1)


Shortcut = Callable[[int, int, int], nn.Sequential]  # in_features, out_features, stride -> pool, conv, bn


def plain(in_features: int, out_features: int, stride: int) -> nn.Sequential:
    """A strided 1x1 convolution, which looks at one pixel of four."""
    return _shortcut(nn.Identity(), in_features, out_features, stride)


def blurred(size: int) -> Shortcut:
    """The stride by an anti-alias filter of ``size``, then a 1x1 convolution ("proj" of the release)."""
    return lambda in_features, out_features, stride: _shortcut(Blur(size, stride), in_features, out_features)


def resnet_d(in_features: int, out_features: int, stride: int) -> nn.Sequential:
    """The stride by a 2x2 average, then a 1x1 convolution."""
    return _shortcut(PairAverage(stride), in_features, out_features)


def big_little(in_features: int, out_features: int, stride: int) -> nn.Sequential:
    """The stride by a 3x3 average, then a 1x1 convolution."""
    return _shortcut(TripleAverage(stride), in_features, out_features)


def _shortcut(pool: nn.Module, in_features: int, out_features: int, stride: int = 1) -> nn.Sequential:
    conv = convolution(in_features, out_features, 1, stride)
    return nn.Sequential(OrderedDict(pool=pool, conv=conv, bn=norm(out_features)))
