"""Anti-aliased downsampling: a binomial low-pass filter in front of the stride."""

from __future__ import annotations

from math import comb

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZES = range(2, 8)


class Blur(nn.Module):
    r"""Depthwise binomial filter with a stride; the map is reflected at its edges.

    .. math:: k = \frac{b b^\top}{\sum b b^\top},\quad b_i = \binom{f-1}{i}

    Source: Zhang ICML 2019; nets/blocks.py of the Assemble-ResNet release for the padding, int((f - 1) / 2) on all four
    sides for every f, so an even filter looks half a pixel to the left. The filter is a constant and in no state dict.
    With stride 1 the map passes unchanged, as in the release, where the filter stands only beside a stride.

    Shape: (B, C, H, W) -> (B, C, floor((H + 2 p - f) / stride) + 1, ...); of 12 pixels every f leaves 6.

    Args:
        size: f, 2 to 7; 3 (default) is that of the published networks.
        stride: 2 halves the map.

    Raises:
        ValueError: a size outside 2 to 7.

    Example:
        >>> Blur(3).kernel
        tensor([[0.0625, 0.1250, 0.0625],
                [0.1250, 0.2500, 0.1250],
                [0.0625, 0.1250, 0.0625]])
    """

    kernel: Tensor

    def __init__(self, size: int = 3, stride: int = 2) -> None:
        super().__init__()
        if size not in SIZES:
            raise ValueError(f"an anti-alias filter of 2 to 7 pixels was needed; got {size}. The published one has 3")
        self.size = size
        self.stride = stride
        row = torch.tensor([float(comb(size - 1, i)) for i in range(size)])
        self.register_buffer("kernel", torch.outer(row, row) / row.sum() ** 2, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            return x
        pad = (self.size - 1) // 2
        channels = x.shape[1]
        kernel = self.kernel.to(x.dtype).expand(channels, 1, -1, -1)
        return F.conv2d(F.pad(x, (pad, pad, pad, pad), mode="reflect"), kernel, stride=self.stride, groups=channels)

    def extra_repr(self) -> str:
        return f"size={self.size}, stride={self.stride}"
