"""Convolution, batch norm and the max-pool of the stem, with TensorFlow's padding."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

BN_EPS = 1e-5
BN_MOMENTUM = 0.003  # TensorFlow's 0.997, which counts the other way round


def convolution(in_features: int, out_features: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias, padded by (kernel - 1) / 2 on each side.

    Source: nets/model_helper.py of the release: SAME at stride 1, explicit zeros before and after at a larger one,
    which for an odd kernel is the same symmetric padding.

    Example:
        >>> convolution(3, 64, 7, stride=2).padding
        (3, 3)
    """
    return nn.Conv2d(in_features, out_features, kernel, stride, padding=(kernel - 1) // 2, bias=False)


def norm(features: int) -> nn.BatchNorm2d:
    """Batch norm with the release's eps and momentum."""
    return nn.BatchNorm2d(features, eps=BN_EPS, momentum=BN_MOMENTUM)


class SameMaxPool(nn.Module):
    """Max-pool 3x3 of stride 2 with TensorFlow's SAME padding.

    A map of even height is padded after its last row only, an odd one on both sides; PyTorch's ``padding=1`` samples
    another grid, and a ResNet-50 then gives logits that differ by 7e-3.

    Shape: (B, C, H, W) -> (B, C, ceil(H / 2), ceil(W / 2)).

    Example:
        >>> import torch
        >>> SameMaxPool()(torch.arange(16.0).view(1, 1, 4, 4)).flatten()
        tensor([10., 11., 14., 15.])
    """

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = F.pad(x, (width % 2, 1, height % 2, 1), value=float("-inf"))
        return F.max_pool2d(padded, kernel_size=3, stride=2)
