"""A small convolutional backbone for small pictures, trained from scratch in a minute on a laptop."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

WIDTHS = (24, 48, 64, 96)


class Conv4(nn.Module):
    """Four blocks of convolution, batch norm and ReLU; a max-pool halves the map after the first and second.

    Good for images of 8 to 64 pixels: 28 pixels give a map of 7x7, enough positions for a covariance of 96
    channels to mean something. It has the manners of a timm model.

    Shape: (B, in_chans, H, W) -> (B, 96, H // 4, W // 4).
    """

    def __init__(self, in_chans: int = 3) -> None:
        super().__init__()
        widths = (in_chans, *WIDTHS)
        self.blocks = nn.ModuleList(
            _block(wide, wider, halve=index < 2) for index, (wide, wider) in enumerate(pairwise(widths))
        )
        self.in_chans = in_chans
        self.num_classes = 0
        self.num_features = self.head_hidden_size = WIDTHS[-1]
        self.feature_info = [
            {"num_chs": width, "reduction": (2, 4, 4, 4)[index], "module": f"blocks.{index}"}
            for index, width in enumerate(WIDTHS)
        ]
        self.pretrained_cfg: dict[str, Any] = {
            "architecture": "conv4",
            "input_size": (in_chans, 28, 28),
            "mean": (0.5,) * in_chans,
            "std": (0.5,) * in_chans,
            "crop_pct": 1.0,
            "interpolation": "bilinear",
            "num_classes": 0,
            "first_conv": "blocks.0.conv",
            "classifier": None,
        }
        self.default_cfg = self.pretrained_cfg

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> the map of the last block."""
        for block in self.blocks:
            x = block(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_features(x)

    def forward_intermediates(self, x: Tensor, indices: list[int]) -> list[Tensor]:
        """The maps after the blocks of these indices, in the order of the blocks."""
        wanted = {index % len(self.blocks) for index in indices}
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in wanted:
                maps.append(x)
        return maps

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Layers for layer-wise learning rates: one a block."""
        return {"blocks": r"^blocks\.(\d+)"}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Not offered: the activations of this network are small."""
        if enable:
            raise ValueError("conv4 has no gradient checkpointing and is too small to need it")


def conv4(in_chans: int = 3) -> Conv4:
    """The small backbone, with fresh weights.

    Example:
        >>> import torch
        >>> conv4().forward_features(torch.zeros(1, 3, 28, 28)).shape
        torch.Size([1, 96, 7, 7])
    """
    return Conv4(in_chans)


def _block(wide: int, wider: int, *, halve: bool) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(wide, wider, 3, padding=1, bias=False), norm=nn.BatchNorm2d(wider), act=nn.ReLU()
    )
    if halve:
        parts["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(parts)
