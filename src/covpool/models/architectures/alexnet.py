"""AlexNet without its last max-pool, which timm does not have."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

WIDTH = 256


class AlexNet(nn.Module):
    """Five convolutions in one column, up to the ReLU of the last one.

    Source: Krizhevsky, *One weird trick*, arXiv 1404.5997, as in torchvision, whose names ``features.N`` it has.

    Shape: (B, in_chans, 224, 224) -> (B, 256, 13, 13).
    """

    def __init__(self, in_chans: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_conv(in_chans, 64, 11, stride=4, padding=2),
            nn.MaxPool2d(3, 2),
            *_conv(64, 192, 5, padding=2),
            nn.MaxPool2d(3, 2),
            *_conv(192, 384, 3, padding=1),
            *_conv(384, 256, 3, padding=1),
            *_conv(256, WIDTH, 3, padding=1),
        )
        self.num_classes = 0
        self.num_features = self.head_hidden_size = WIDTH
        self.feature_info = [
            {"num_chs": 64, "reduction": 4, "module": "features.1"},
            {"num_chs": 192, "reduction": 8, "module": "features.4"},
            {"num_chs": WIDTH, "reduction": 16, "module": "features.11"},
        ]
        self.pretrained_cfg: dict[str, Any] = {
            "input_size": (in_chans, 224, 224),
            "mean": (0.485, 0.456, 0.406)[:in_chans],
            "std": (0.229, 0.224, 0.225)[:in_chans],
            "crop_pct": 0.875,
            "interpolation": "bilinear",
            "num_classes": 0,
            "first_conv": "features.0",
            "classifier": None,
        }
        self.default_cfg = self.pretrained_cfg

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> the map of the fifth convolution."""
        return self.features(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_features(x)

    def forward_intermediates(self, x: Tensor, indices: list[int]) -> list[Tensor]:
        """The last maps of the resolutions of these indices, from fine to coarse."""
        wanted = {self.feature_info[index]["module"] for index in indices}
        maps = []
        for name, layer in self.features.named_children():
            x = layer(x)
            if f"features.{name}" in wanted:
                maps.append(x)
        return maps

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Layers for layer-wise learning rates: one a convolution."""
        return {"blocks": r"^features\.(\d+)"}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Not offered: five layers leave little to save."""
        if enable:
            raise ValueError("alexnet has no gradient checkpointing and is too small to need it")


def alexnet(in_chans: int = 3) -> AlexNet:
    """The backbone, with fresh weights.

    Example:
        >>> import torch
        >>> alexnet().forward_features(torch.zeros(1, 3, 224, 224)).shape
        torch.Size([1, 256, 13, 13])
    """
    return AlexNet(in_chans)


def _conv(wide: int, wider: int, kernel: int, *, stride: int = 1, padding: int = 0) -> tuple[nn.Module, nn.Module]:
    # not in place: a hook that watches the convolution sees what it gave
    return nn.Conv2d(wide, wider, kernel, stride, padding), nn.ReLU()
