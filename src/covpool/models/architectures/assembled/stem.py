"""From an image to a map of half its size: one 7x7 convolution, or three 3x3."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from covpool.models.architectures.assembled.layers import convolution, norm

STEM_WIDTH = 64


def plain_stem(in_chans: int) -> nn.Sequential:
    """A 7x7 convolution of stride 2, batch norm, ReLU. Shape: (B, in_chans, H, W) -> (B, 64, H / 2, W / 2)."""
    conv1 = convolution(in_chans, STEM_WIDTH, 7, 2)
    return nn.Sequential(OrderedDict(conv1=conv1, bn1=norm(STEM_WIDTH), act1=nn.ReLU()))


def deep_stem(in_chans: int) -> nn.Sequential:
    """Three 3x3 convolutions, the first of stride 2 (He et al. CVPR 2019, ResNet-C and D). Shape: as ``plain_stem``."""
    half = STEM_WIDTH // 2
    return nn.Sequential(
        OrderedDict(
            conv1=convolution(in_chans, half, 3, 2),
            bn1=norm(half),
            act1=nn.ReLU(),
            conv2=convolution(half, half, 3),
            bn2=norm(half),
            act2=nn.ReLU(),
            conv3=convolution(half, STEM_WIDTH, 3),
            bn3=norm(STEM_WIDTH),
            act3=nn.ReLU(),
        )
    )


class BigLittleStem(nn.Module):
    """A strided 3x3 convolution beside a narrow branch of three, summed and mixed, where a ResNet has its max-pool.

    Source: Chen et al. ICLR 2019 (Big-Little Net); nets/resnet_model.py of the Assemble-ResNet release.
    Shape: (B, 64, H, W) -> (B, 64, ceil(H / 2), ceil(W / 2)).

    Args:
        alpha: the narrow branch has 64 / alpha channels.
    """

    def __init__(self, alpha: int) -> None:
        super().__init__()
        narrow = STEM_WIDTH // alpha
        self.big = _normed(STEM_WIDTH, STEM_WIDTH, 3, 2)
        self.little1 = _normed(STEM_WIDTH, narrow, 3)
        self.little2 = _normed(narrow, narrow, 3, 2)
        self.little3 = _normed(narrow, STEM_WIDTH, 1)
        self.merge = _normed(STEM_WIDTH, STEM_WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        little = self.little3(self.little2(self.little1(x).relu()).relu())
        return self.merge((self.big(x) + little).relu()).relu()


def _normed(in_features: int, out_features: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = convolution(in_features, out_features, kernel, stride)
    return nn.Sequential(OrderedDict(conv=conv, bn=norm(out_features)))
