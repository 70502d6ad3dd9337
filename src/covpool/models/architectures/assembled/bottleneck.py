"""The residual block, and a chain of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from covpool.models.architectures.assembled.attention import SelectiveKernel, SqueezeExcitation
from covpool.models.architectures.assembled.blur import Blur
from covpool.models.architectures.assembled.drop_block import DropBlock
from covpool.models.architectures.assembled.layers import convolution, norm
from covpool.models.architectures.assembled.shortcut import Shortcut

EXPANSION = 4


@dataclass(frozen=True, kw_only=True)
class Tweaks:
    """What every block of a network is made of.

    Args:
        sk: selective kernel in place of the 3x3 convolution.
        se: squeeze-and-excitation after the last batch norm.
        blur: size of the anti-alias filter behind a strided 3x3 convolution, which then has stride 1; None: no filter.
        drop_scale: of the seed rate of DropBlock; None: no DropBlock in these blocks.
        keep_prob: that DropBlock starts with.
    """

    sk: bool = False
    se: bool = False
    blur: int | None = None
    drop_scale: float | None = None
    keep_prob: float = 1.0

    def drop(self) -> nn.Module:
        """A DropBlock, or nothing."""
        return nn.Identity() if self.drop_scale is None else DropBlock(self.drop_scale, self.keep_prob)


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1 to four times the width, and the sum with the shortcut (ResNet v1.5).

    DropBlock has four places: after the shortcut's batch norm, after the first, after the second before its ReLU (or
    after the selective kernel), after the third.

    Source: nets/resnet_model.py of the Assemble-ResNet release.
    Shape: (B, in_features, H, W) -> (B, 4 width, ceil(H / stride), ceil(W / stride)).

    Args:
        in_features: channels of the map.
        width: of the 3x3 convolution.
        stride: of the block.
        tweaks: what it is made of.
        shortcut: makes the projection; None: the map itself is added.
        last_relu: ReLU after the sum. The last block of a big branch has none: it is added to the little one first.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        stride: int = 1,
        *,
        tweaks: Tweaks,
        shortcut: Shortcut | None = None,
        last_relu: bool = True,
    ) -> None:
        super().__init__()
        wide = EXPANSION * width
        self.shortcut = nn.Identity() if shortcut is None else shortcut(in_features, wide, stride)
        self.shortcut_drop = nn.Identity() if shortcut is None else tweaks.drop()
        self.conv1 = convolution(in_features, width, 1)
        self.bn1 = norm(width)
        self.act1 = nn.Sequential(OrderedDict(drop=tweaks.drop(), relu=nn.ReLU()))
        halves = 2 if tweaks.sk else 1
        self.conv2 = convolution(width, halves * width, 3, stride if tweaks.blur is None else 1)
        self.bn2 = norm(halves * width)
        self.act2 = _selected(width, tweaks) if tweaks.sk else _rectified(tweaks)
        self.blur = nn.Identity() if tweaks.blur is None or stride == 1 else Blur(tweaks.blur, stride)
        self.conv3 = convolution(width, wide, 1)
        self.bn3 = norm(wide)
        self.drop3 = tweaks.drop()
        self.se = SqueezeExcitation(wide) if tweaks.se else nn.Identity()
        self.act3 = nn.ReLU() if last_relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut_drop(self.shortcut(x))
        x = self.act1(self.bn1(self.conv1(x)))
        x = self.blur(self.act2(self.bn2(self.conv2(x))))
        x = self.se(self.drop3(self.bn3(self.conv3(x))))
        return self.act3(x + shortcut)


def _rectified(tweaks: Tweaks) -> nn.Sequential:
    return nn.Sequential(OrderedDict(drop=tweaks.drop(), relu=nn.ReLU()))


def _selected(width: int, tweaks: Tweaks) -> nn.Sequential:
    return nn.Sequential(OrderedDict(relu=nn.ReLU(), sk=SelectiveKernel(width), drop=tweaks.drop()))


def chain(
    in_features: int,
    width: int,
    blocks: int,
    stride: int,
    *,
    tweaks: Tweaks,
    shortcut: Shortcut,
    last_relu: bool = True,
) -> nn.Sequential:
    """``blocks`` bottlenecks; the first has the stride and a projection, even where neither size changes.

    ``last_relu`` False takes the ReLU of the last block, unless that is the first, which always has one.

    Example:
        >>> from covpool.models.architectures.assembled.shortcut import plain
        >>> [block.act3 for block in chain(8, 4, 2, 1, tweaks=Tweaks(), shortcut=plain, last_relu=False)]
        [ReLU(), Identity()]
    """
    first = Bottleneck(in_features, width, stride, tweaks=tweaks, shortcut=shortcut)
    rest = [
        Bottleneck(EXPANSION * width, width, tweaks=tweaks, last_relu=last_relu or index < blocks - 1)
        for index in range(1, blocks)
    ]
    return nn.Sequential(first, *rest)
