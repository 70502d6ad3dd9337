"""Slot 1, reduce: fewer channels before the statistics, whose size grows with their square."""

from __future__ import annotations

from torch import Tensor, nn


class ChannelReduction(nn.Module):
    """1x1 convolution without bias, batch normalisation, ReLU.

    Source: Li et al. CVPR 2018 (fast MPN-COV), where 2048 channels become 256. The convolution starts from
    Kaiming's normal law with fan-out, as in the release.

    Shape: (B, in_features, H, W) -> (B, out_features, H, W). Dtype: that of the input; follows autocast.

    Args:
        in_features: channels of the backbone's map.
        out_features: channels kept; 256 in the published networks.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.conv = nn.Conv2d(in_features, out_features, kernel_size=1, bias=False)
        self.norm = nn.BatchNorm2d(out_features)
        self.act = nn.ReLU()
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))

    def extra_repr(self) -> str:
        return f"{self.in_features} -> {self.out_features}"


def reduction(in_features: int, reduce_to: int | None) -> tuple[nn.Module, int]:
    """The module of the reduce slot and the channels after it; no layer where ``reduce_to`` is None."""
    if reduce_to is None:
        return nn.Identity(), in_features
    return ChannelReduction(in_features, reduce_to), reduce_to
