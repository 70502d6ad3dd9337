"""Two gates on channels: selective kernel and squeeze-and-excitation."""

from __future__ import annotations

from torch import Tensor, nn

from covpool.models.architectures.assembled.layers import norm

SK_RATIO = 2  # r and L of Li et al. CVPR 2019, as the release fixes them
SK_MIN_WIDTH = 32
SE_RATIO = 16


class SelectiveKernel(nn.Module):
    r"""Weigh two halves of the channels against each other, channel by channel.

    .. math:: y = a \odot A + (1-a) \odot B,\quad (a, 1-a) = \mathrm{softmax}(W_2\,\mathrm{ReLU}(\mathrm{BN}(W_1 s))),
              \quad s = \mathrm{mean}_{hw}(A + B)

    Source: Li et al. CVPR 2019, in the form of the Assemble-ResNet release: both halves come from one 3x3 convolution
    of twice the width (timm's has a 3x3 and a dilated one), r = 2 and L = 32.

    Shape: (B, 2F, H, W) -> (B, F, H, W). In training batch norm needs 2 images.

    Args:
        features: F.

    Example:
        >>> import torch
        >>> SelectiveKernel(8).eval()(torch.zeros(1, 16, 4, 4)).shape
        torch.Size([1, 8, 4, 4])
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        width = max(features // SK_RATIO, SK_MIN_WIDTH)
        self.squeeze = nn.Conv2d(features, width, 1, bias=False)
        self.bn = norm(width)
        self.excite = nn.Conv2d(width, 2 * features, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        halves = x.unflatten(1, (2, -1))
        summary = halves.sum(1).mean((2, 3), keepdim=True)
        scores = self.excite(self.bn(self.squeeze(summary)).relu())
        return (halves * scores.unflatten(1, (2, -1)).softmax(1)).sum(1)


class SqueezeExcitation(nn.Module):
    r"""Scale each channel by a sigmoid of all channel means, :math:`y = x\,\sigma(W_2\,\mathrm{ReLU}(W_1 \bar x))`.

    Source: Hu et al. CVPR 2018; without biases, C // 16 wide, as the Assemble-ResNet release has it.

    Shape: (B, C, H, W) -> the same.

    Args:
        features: C.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(features, features // SE_RATIO, 1, bias=False)
        self.excite = nn.Conv2d(features // SE_RATIO, features, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excite(self.squeeze(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
