"""Residual networks for pictures of 64x64, as GM-SOP (Wang et al. NeurIPS 2018) puts its pools on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

STEM = 16


class ResidualBlock(nn.Module):
    """ReLU(BN(conv(ReLU(BN(conv(x))))) + shortcut): two 3x3 convolutions, the first one strided.

    The shortcut is a 1x1 convolution with BN where channels or resolution change, and nothing elsewhere.

    Shape: (B, wide, H, W) -> (B, wider, H / stride, W / stride).
    """

    def __init__(self, wide: int, wider: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(wide, wider, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(wider)
        self.conv2 = nn.Conv2d(wider, wider, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(wider)
        self.act = nn.ReLU()
        changes = stride != 1 or wide != wider
        self.downsample = _adapter(wide, wider, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv1(x)))
        return self.act(self.bn2(self.conv2(y)) + self.downsample(x))


class SmallResNet(nn.Module):
    """A 3x3 convolution of stride 1 and four stages of residual blocks, of which all but the first halve the map.

    There is no max-pool. The first convolution has a bias, which its batch normalisation makes idle: it is there
    because the released files have it. It is not divided by 60 as the release does, whose images are not divided by
    any deviation: the batch normalisation behind it takes any factor away, and the release trains it with a rate of
    1/3600, which comes to the same.

    Source: Wang et al. NeurIPS 2018 (GM-SOP), by its released code (cnn_init_resnet_GM.m, cnn_init_WRN_GM.m).

    Shape: (B, in_chans, H, W) -> (B, widths[-1], H / 8, W / 8).

    Args:
        widths: channels of the four stages.
        blocks: residual blocks of a stage.
        name: under which it is registered.
        in_chans: channels of the images.
    """

    def __init__(self, widths: Sequence[int], blocks: int, *, name: str, in_chans: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_chans, STEM, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(STEM)
        self.act = nn.ReLU()
        strides = (1, 2, 2, 2)
        stages = [
            _stage(*wides, blocks, stride) for wides, stride in zip(pairwise((STEM, *widths)), strides, strict=True)
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.in_chans = in_chans
        self.num_classes = 0
        self.num_features = self.head_hidden_size = widths[-1]
        self.feature_info = [
            {"num_chs": width, "reduction": 2**index, "module": f"layer{index + 1}"}
            for index, width in enumerate(widths)
        ]
        self.pretrained_cfg = _config(name, in_chans)
        self.default_cfg = self.pretrained_cfg
        self.grad_checkpointing = False
        self.apply(_initialize)

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> the map of the last stage."""
        return self.forward_intermediates(x, [-1])[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_features(x)

    def forward_intermediates(self, x: Tensor, indices: Sequence[int]) -> list[Tensor]:
        """The maps after the stages of these indices, in the order of the stages."""
        wanted = {index % 4 for index in indices}
        x = self.act(self.bn1(self.conv1(x)))
        maps = []
        for index, stage in enumerate((self.layer1, self.layer2, self.layer3, self.layer4)):
            x = checkpoint(stage, x, use_reentrant=False) if self.grad_checkpointing else stage(x)
            if index in wanted:
                maps.append(x)
        return maps

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Layers for layer-wise learning rates: the stem, then one a stage or a block."""
        return {"stem": r"^conv1|^bn1", "blocks": r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)"}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep only the maps between stages for the backward pass."""
        self.grad_checkpointing = enable


def small_resnet18(in_chans: int = 3) -> SmallResNet:
    """ResNet-18 of 16 to 128 channels: 700,192 parameters.

    Example:
        >>> import torch
        >>> small_resnet18().forward_features(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 128, 8, 8])
    """
    return SmallResNet((16, 32, 64, 128), 2, name="small_resnet18", in_chans=in_chans)


def small_wrn36(in_chans: int = 3) -> SmallResNet:
    """WRN-36-2 as released: 32 to 256 channels, 5,927,840 parameters.

    Departs: from Zagoruyko and Komodakis, BMVC 2016, in that ReLU comes after the sum, and counts 34 layers.
    """
    return SmallResNet((32, 64, 128, 256), 4, name="small_wrn36", in_chans=in_chans)


def _stage(wide: int, wider: int, blocks: int, stride: int) -> nn.Sequential:
    others = (ResidualBlock(wider, wider) for _ in range(blocks - 1))
    return nn.Sequential(ResidualBlock(wide, wider, stride), *others)


def _adapter(wide: int, wider: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(wide, wider, 1, stride=stride, bias=False), nn.BatchNorm2d(wider))


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _config(name: str, in_chans: int) -> dict[str, Any]:
    """The release subtracts the mean of its training images from values of 0 to 255 and divides by nothing; which mean
    that is lies in its 13 GB of data, and ImageNet's stands for it here."""
    return {
        "architecture": name,
        "input_size": (in_chans, 64, 64),
        "mean": (0.485, 0.456, 0.406) if in_chans == 3 else (0.5,) * in_chans,
        "std": (1 / 255,) * in_chans,
        "crop_pct": 1.0,
        "interpolation": "box",  # Chrabaszcz et al. 2017, downsampled ImageNet
        "num_classes": 0,
        "first_conv": "conv1",
        "classifier": None,
    }
