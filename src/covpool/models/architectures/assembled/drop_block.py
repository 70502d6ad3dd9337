"""DropBlock: whole squares of a map are dropped in training, the same ones for every image of the batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCK_SIZE = 7  # Ghiasi et al. NeurIPS 2018, and both sites of the release


def seed_rate(height: int, width: int, keep_prob: float, block_size: int, scale: float = 1.0) -> float:
    r"""Probability gamma that a position is the seed of a dropped block.

    .. math:: \gamma = s\,\frac{(1-k)\,HW}{b^2\,(H-b+1)(W-b+1)}

    Source: Ghiasi et al. NeurIPS 2018, eq. (1).

    Raises:
        ValueError: a map smaller than the block.

    Example:
        >>> round(seed_rate(7, 7, 0.9, 7), 6)
        0.1
    """
    if min(height, width) < block_size:
        raise ValueError(
            f"DropBlock needs maps of at least {block_size}x{block_size} in training; got {height}x{width}. "
            "Train on larger images, or set keep_prob to 1"
        )
    seeds = (height - block_size + 1) * (width - block_size + 1)
    return scale * (1 - keep_prob) * height * width / block_size**2 / seeds


def spread(seeds: Tensor, block_size: int) -> Tensor:
    """Mask of 1 and 0 in which each seed has become a dropped square of ``block_size``.

    Shape: (..., H - b + 1, W - b + 1), 1 at a seed -> (..., H, W), 0 where dropped.
    """
    after = (block_size - 1) // 2
    before = block_size - 1 - after
    grown = F.pad(seeds, (before, after, before, after))
    same = (after, before, after, before)  # TensorFlow's SAME: the smaller half in front
    return 1 - F.max_pool2d(F.pad(grown, same), block_size, stride=1)


class DropBlock(nn.Module):
    """Drop squares of each channel in training and scale up what is left; nothing in eval mode.

    As in the Assemble-ResNet release **one mask is drawn a batch**: every image loses the same squares (torchvision
    and timm draw one an image). Channels are independent. The scale is exact for the mask that was drawn.

    Source: Ghiasi et al. NeurIPS 2018; nets/blocks.py of the release.
    Shape: (B, C, H, W) -> the same. Gradient: through what is kept. Chance: torch's own generator.

    Args:
        scale: of the seed rate; 0.25 in the third stage, 1 in the fourth (nets/resnet_model.py).
        keep_prob: probability that a position is kept; an attribute that a schedule sets. 1 (default): nothing is
            dropped.
        block_size: side of the squares.
        clamp: on a map smaller than the block the square is the map. False (default): such a map is an error in
            training, as in the release.

    Raises:
        ValueError: a keep_prob outside (0, 1]; in training, maps smaller than the block, unless ``clamp``.

    Example:
        >>> drop = DropBlock(keep_prob=0.5)
        >>> x = torch.ones(2, 4, 9, 9)
        >>> bool((drop(x)[0] == drop(x)[1]).all()), bool((drop.eval()(x) == x).all())
        (False, True)
    """

    def __init__(
        self, scale: float = 1.0, keep_prob: float = 1.0, block_size: int = BLOCK_SIZE, *, clamp: bool = False
    ) -> None:
        super().__init__()
        self.clamp = clamp
        self.scale = scale
        self.block_size = block_size
        self.keep_prob = check_keep_prob(keep_prob)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.keep_prob == 1:
            return x
        _, channels, height, width = x.shape
        size = min(self.block_size, height, width) if self.clamp else self.block_size
        gamma = seed_rate(height, width, self.keep_prob, size, self.scale)
        draws = torch.rand(1, channels, height - size + 1, width - size + 1, device=x.device)
        return drop_squares(x, draws < gamma, size)

    def extra_repr(self) -> str:
        return f"scale={self.scale}, keep_prob={self.keep_prob}, block_size={self.block_size}"


def drop_squares(x: Tensor, seeds: Tensor, block_size: int) -> Tensor:
    """``x`` without the squares of ``seeds``, scaled by (positions) / (positions kept) of the one mask.

    Shape: x (B, C, H, W), seeds (1, C, H - b + 1, W - b + 1), true at a seed -> (B, C, H, W). Dtype: that of x; the
    positions are counted in float32.
    """
    mask = spread(seeds.float(), block_size)
    scale = mask.numel() / (mask.sum() + 1e-8)  # 1e-8 as in the release, where everything may be dropped
    return x * mask.to(x.dtype) * scale.to(x.dtype)


def check_keep_prob(keep_prob: float) -> float:
    """``keep_prob``, or a ValueError where it is no probability above 0."""
    if not 0 < keep_prob <= 1:
        raise ValueError(f"keep_prob must be above 0 and at most 1 (nothing dropped); got {keep_prob}")
    return keep_prob
