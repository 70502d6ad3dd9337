"""Residual networks for pictures of 32 pixels, with the last stage at the resolution of the one before."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from covpool.models.architectures.cifar_blocks import (
    Basic,
    Bottleneck,
    PreactivatedBasic,
    PreactivatedBottleneck,
)

WIDTHS = (16, 32, 64)
STRIDES = (1, 2, 1)  # He et al. halve in the third stage too; a covariance wants the positions
# CIFAR-100, data pipeline of the TensorFlow release
MEAN, STD = (0.507, 0.487, 0.441), (0.267, 0.256, 0.276)

# depth -> (block, blocks in each of the three stages)
DEPTHS: dict[int, tuple[type[nn.Module], int]] = {
    20: (Basic, 3),
    32: (Basic, 5),
    44: (Basic, 7),
    56: (Basic, 9),
    110: (Basic, 18),
    164: (Bottleneck, 18),
    1001: (Bottleneck, 111),
    1202: (Basic, 200),
}
PREACTIVATED_DEPTHS: dict[int, tuple[type[nn.Module], int]] = {
    110: (PreactivatedBasic, 18),
    164: (PreactivatedBottleneck, 18),
    1001: (PreactivatedBottleneck, 111),
}


class CifarResNet(nn.Module):
    """Stem of one 3x3 convolution, then three stages of 16, 32 and 64 channels (four times that for bottlenecks).

    Source: He et al. CVPR 2016, section 4.2, and ECCV 2016 (pre-activation); the strides 1, 2, 1 are those of the
    TensorFlow release of fast MPN-COV, as are the sizes that exist.

    Shape: (B, in_chans, H, W) -> (B, 64 or 256, H // 2, W // 2).

    Args:
        block: what the stages are made of.
        blocks: how many each stage has.
        preactivated: batch norm and ReLU stand before the convolutions: the stem has none, the end has one.
        in_chans: channels of the pictures.
    """

    def __init__(self, block: Any, blocks: int, *, preactivated: bool, in_chans: int = 3) -> None:
        super().__init__()
        widths = [width * block.expansion for width in WIDTHS]
        self.conv1 = nn.Conv2d(in_chans, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.Identity() if preactivated else nn.BatchNorm2d(WIDTHS[0])
        self.act = nn.ReLU()
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(block(wide, width, stride), *(block(wider, width, 1) for _ in range(blocks - 1)))
            for wide, wider, width, stride in zip((WIDTHS[0], *widths[:-1]), widths, WIDTHS, STRIDES, strict=True)
        )
        self.norm = nn.BatchNorm2d(widths[-1]) if preactivated else nn.Identity()
        self.preactivated = preactivated
        self.num_classes = 0
        self.num_features = self.head_hidden_size = widths[-1]
        self.feature_info = [
            {"num_chs": width, "reduction": reduction, "module": f"layer{index + 1}"}
            for index, (width, reduction) in enumerate(zip(widths, (1, 2, 2), strict=True))
        ]
        self.pretrained_cfg: dict[str, Any] = {
            "input_size": (in_chans, 32, 32),
            "mean": MEAN if in_chans == 3 else (0.5,) * in_chans,
            "std": STD if in_chans == 3 else (0.25,) * in_chans,
            "crop_pct": 1.0,
            "interpolation": "bilinear",
            "num_classes": 0,
            "first_conv": "conv1",
            "classifier": None,
        }
        self.default_cfg = self.pretrained_cfg
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)  # Keras's default, which the release leaves in place

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> the map of the last stage."""
        return self.forward_intermediates(x, [2])[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_features(x)

    def forward_intermediates(self, x: Tensor, indices: list[int]) -> list[Tensor]:
        """The maps after the stages of these indices, in the order of the stages."""
        wanted = {index % len(WIDTHS) for index in indices}
        x = self.conv1(x)
        x = x if self.preactivated else self.act(self.bn1(x))
        maps = []
        for index, stage in enumerate((self.layer1, self.layer2, self.layer3)):
            x = stage(x)
            last = self.preactivated and index == len(WIDTHS) - 1
            if index in wanted:
                maps.append(self.act(self.norm(x)) if last else x)
        return maps

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Layers for layer-wise learning rates: one a block, or one a stage."""
        blocks = r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)"
        return {"stem": r"^conv1|^bn1", "blocks": [(blocks, None), (r"^norm", (99999,))]}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Not offered: pictures of 32 pixels leave small activations."""
        if enable:
            raise ValueError("networks for 32-pixel pictures have no gradient checkpointing here; leave it off")


def cifar_resnet(depth: int = 20, in_chans: int = 3) -> CifarResNet:
    """A residual network of He et al. CVPR 2016 for CIFAR: depth 20 to 110 and 1202 (basic), 164 and 1001 (bottleneck).

    Example:
        >>> import torch
        >>> cifar_resnet(20).forward_features(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 64, 16, 16])
    """
    return _built(DEPTHS, depth, preactivated=False, in_chans=in_chans)


def cifar_preact_resnet(depth: int = 164, in_chans: int = 3) -> CifarResNet:
    """Its pre-activated form of ECCV 2016: depth 110 (basic), 164 and 1001 (bottleneck).

    Example:
        >>> cifar_preact_resnet(164).num_features
        256
    """
    return _built(PREACTIVATED_DEPTHS, depth, preactivated=True, in_chans=in_chans)


def _built(
    depths: dict[int, tuple[type[nn.Module], int]], depth: int, *, preactivated: bool, in_chans: int
) -> CifarResNet:
    if depth not in depths:
        raise ValueError(f"depth must be one of {', '.join(map(str, depths))}; got {depth}")
    build = partial(CifarResNet, preactivated=preactivated, in_chans=in_chans)
    return build(*depths[depth])
