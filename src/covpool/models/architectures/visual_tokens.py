"""The convolutional stem that makes the tokens of the So-ViT family: densely connected layers without batch norm."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

STEM = 64  # channels of the first convolution
GROWTH = 16  # channels that a dense layer adds
BOTTLENECK = 2  # its 1x1 convolution makes so many times the growth
LAYERS = 6  # of a dense block
BLOCKS = 3
BETWEEN = 128  # channels after a transition


class VisualTokens(nn.Module):
    """Images to tokens: a 3x3 convolution, three dense blocks with a transition after each, a 1x1 convolution.

    Channels run 3 -> 64 -> 160 -> 128 -> 224 -> 128 -> 224 -> 128 -> ``width``. The max-pool of the stem and the
    average of each transition halve the map.

    Source: Xie et al. 2021 (So-ViT), by the code released with DropCov (Wang et al. NeurIPS 2022) under timm 0.4.12.
    The dense layers have no batch norm, on purpose: that version's default for the norm of a dense layer is
    ``nn.ReLU``, where later versions have batch norm and ReLU.

    Shape: (B, in_chans, H, W) -> (B, positions, width).

    Args:
        width: of a token.
        in_chans: of the images.
        halvings: of the map; 4 as released for 224 pixels, 3 leaves the average of the last transition out, as released
            for 112 pixels.
    """

    def __init__(self, width: int, *, in_chans: int = 3, halvings: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_chans, STEM, 3, padding=1)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        channels, parts = STEM, OrderedDict[str, nn.Module]()
        for index in range(BLOCKS):
            block = DenseBlock(channels)
            parts[f"dense{index}"] = block
            parts[f"transition{index}"] = _transition(block.out_channels, halve=index + 1 < halvings)
            channels = BETWEEN
        self.stages = nn.Sequential(parts)
        self.project = nn.Conv2d(BETWEEN, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.project(self.stages(self.pool(self.stem(x))))
        return x.flatten(2).transpose(1, 2)


class DenseBlock(nn.Module):
    """Layers of which each sees what all before it made: ReLU, 1x1 convolution, ReLU, 3x3 convolution.

    Shape: (B, C, H, W) -> (B, C + 6 * 16, H, W).
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_dense_layer(in_channels + index * GROWTH) for index in range(LAYERS))
        self.out_channels = in_channels + LAYERS * GROWTH

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


def _dense_layer(in_channels: int) -> nn.Sequential:
    narrow = BOTTLENECK * GROWTH
    return nn.Sequential(
        OrderedDict(
            act1=nn.ReLU(),
            narrow=nn.Conv2d(in_channels, narrow, 1, bias=False),
            act2=nn.ReLU(),
            grow=nn.Conv2d(narrow, GROWTH, 3, padding=1, bias=False),
        )
    )


def _transition(in_channels: int, *, halve: bool) -> nn.Sequential:
    parts = OrderedDict[str, nn.Module](
        norm=nn.BatchNorm2d(in_channels), conv=nn.Conv2d(in_channels, BETWEEN, 1, bias=False)
    )
    if halve:
        parts["pool"] = nn.AvgPool2d(2)
    return nn.Sequential(parts)
