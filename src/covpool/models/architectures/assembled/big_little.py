"""A Big-Little stage: a deep branch at half resolution, a narrow shallow one at full, and a block that merges them."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from covpool.models.architectures.assembled.bottleneck import EXPANSION, Tweaks, chain
from covpool.models.architectures.assembled.layers import convolution, norm
from covpool.models.architectures.assembled.shortcut import big_little


class BigLittleStage(nn.Module):
    """big (stride 2, doubled back by repetition) + little (widened by a 1x1 convolution), ReLU, one merging block.

    Source: Chen et al. ICLR 2019; nets/resnet_model.py of the Assemble-ResNet release.
    Shape: (B, in_features, H, W) -> (B, 4 width, H / stride, W / stride); H and W must be even.

    Args:
        in_features: channels of the map.
        width: of the 3x3 convolutions in the big and the merging blocks.
        blocks: of the stage: big has one less, the last merges.
        stride: of the merging block.
        alpha: little is that many times narrower.
        beta: little has max(1, blocks // beta - 1) blocks.
        tweaks: what the blocks are made of.

    Raises:
        ValueError: a map of odd height or width, which does not come back when it is halved and doubled.
    """

    def __init__(
        self, in_features: int, width: int, blocks: int, stride: int, *, alpha: int, beta: int, tweaks: Tweaks
    ) -> None:
        super().__init__()
        wide, narrow = EXPANSION * width, width // alpha
        shallow = max(1, blocks // beta - 1)
        self.big = chain(in_features, width, blocks - 1, 2, tweaks=tweaks, shortcut=big_little, last_relu=False)
        self.little = chain(in_features, narrow, shallow, 1, tweaks=tweaks, shortcut=big_little)
        self.expand = convolution(EXPANSION * narrow, wide, 1)
        self.expand_bn = norm(wide)
        self.merge = chain(wide, width, 1, stride, tweaks=tweaks, shortcut=big_little)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2] % 2 or x.shape[-1] % 2:
            raise ValueError(
                f"a Big-Little stage needs a map of even height and width; got {tuple(x.shape[-2:])}. "
                "Give images whose sides are multiples of 32"
            )
        big = F.interpolate(self.big(x), scale_factor=2.0, mode="nearest")
        return self.merge((self.expand_bn(self.expand(self.little(x))) + big).relu())
