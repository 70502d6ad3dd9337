"""ShuffleNetV2, which timm does not have: torchvision's, with the manners of a timm backbone."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torchvision.models import shufflenetv2

STAGES = ("stage2", "stage3", "stage4")


class ShuffleNetV2(nn.Module):
    """torchvision's ShuffleNetV2 without its classifier. Names of parameters are torchvision's.

    Source: Ma et al. ECCV 2018.

    Shape: (B, 3, H, W) -> (B, 1024, ceil(H / 32), ceil(W / 32)); 2048 channels at width 2.

    Args:
        width: ``x0_5``, ``x1_0``, ``x1_5`` or ``x2_0``.
    """

    def __init__(self, width: str) -> None:
        super().__init__()
        whole = getattr(shufflenetv2, f"shufflenet_v2_{width}")(weights=None)
        self.conv1, self.maxpool = whole.conv1, whole.maxpool
        self.stage2, self.stage3, self.stage4 = whole.stage2, whole.stage3, whole.stage4
        self.conv5 = whole.conv5
        self.in_chans = 3
        self.num_classes = 0
        self.num_features = self.head_hidden_size = self.conv5[0].out_channels
        self.feature_info = _feature_info(whole)
        self.pretrained_cfg: dict[str, Any] = {
            "architecture": f"shufflenet_v2_{width}",
            "input_size": (3, 224, 224),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "crop_pct": 0.875,
            "interpolation": "bilinear",
            "num_classes": 0,
            "first_conv": "conv1.0",
            "classifier": None,
        }
        self.default_cfg = self.pretrained_cfg

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> the map of the last convolution."""
        return self.conv5(self._stages(x)[-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_features(x)

    def forward_intermediates(self, x: Tensor, indices: list[int]) -> list[Tensor]:
        """The maps after the stem and the stages of these indices, in their order."""
        maps = self._stages(x)
        wanted = {index % len(maps) for index in indices}
        return [each for index, each in enumerate(maps) if index in wanted]

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Layers for layer-wise learning rates: the stem, then one a block, or one a stage where ``coarse``."""
        blocks = r"^stage(\d)" if coarse else [(r"^stage(\d)\.(\d+)", None), (r"^conv5", (99999,))]
        return {"stem": r"^conv1", "blocks": blocks}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Not offered: the activations of this network are small."""
        if enable:
            raise ValueError("shufflenet_v2 has no gradient checkpointing and is too small to need it")

    def _stages(self, x: Tensor) -> list[Tensor]:
        maps = [self.maxpool(self.conv1(x))]
        for name in STAGES:
            maps.append(self.get_submodule(name)(maps[-1]))
        return maps


def shufflenet_v2_x0_5() -> ShuffleNetV2:
    """ShuffleNetV2 of half the width, with fresh weights."""
    return ShuffleNetV2("x0_5")


def shufflenet_v2_x1_0() -> ShuffleNetV2:
    """ShuffleNetV2 of the plain width, with fresh weights.

    Example:
        >>> import torch
        >>> shufflenet_v2_x1_0().forward_features(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 1024, 2, 2])
    """
    return ShuffleNetV2("x1_0")


def shufflenet_v2_x1_5() -> ShuffleNetV2:
    """ShuffleNetV2 of one and a half times the width, with fresh weights."""
    return ShuffleNetV2("x1_5")


def shufflenet_v2_x2_0() -> ShuffleNetV2:
    """ShuffleNetV2 of twice the width, with fresh weights."""
    return ShuffleNetV2("x2_0")


def _feature_info(whole: nn.Module) -> list[dict[str, Any]]:
    widths: list[int] = whole._stage_out_channels[:4]  # type: ignore[assignment, index]
    modules = ("maxpool", *STAGES)
    return [
        {"num_chs": width, "reduction": 4 * 2**index, "module": name}
        for index, (width, name) in enumerate(zip(widths, modules, strict=True))
    ]
