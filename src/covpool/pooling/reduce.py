"""Slot 1, reduce: fewer channels before the statistics, whose size grows with their square."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from covpool.registry import Registry

activations = Registry[Callable[[], nn.Module]]("activation of the reduction")
activations.register("relu", nn.ReLU)
activations.register("relu6", nn.ReLU6)


class ChannelReduction(nn.Module):
    """1x1 convolution without bias, batch normalisation, activation.

    Source: Li et al. CVPR 2018 (fast MPN-COV), where 2048 channels become 256. The convolution starts from
    Kaiming's normal law with fan-out, as in the release.

    Shape: (B, in_features, H, W) -> (B, out_features, H, W). Dtype: that of the input; follows autocast.

    Args:
        in_features: channels of the backbone's map.
        out_features: channels kept; 256 in the published networks.
        act: ``relu``, or ``relu6`` as in the mobile networks of Wang et al. CVPR 2020.
        eps: of the batch normalisation; torch's 1e-5, or what the framework of published weights had.

    Raises:
        ValueError: an unknown activation.
    """

    def __init__(self, in_features: int, out_features: int, *, act: str = "relu", eps: float = 1e-5) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.conv = nn.Conv2d(in_features, out_features, kernel_size=1, bias=False)
        self.norm = nn.BatchNorm2d(out_features, eps=eps)
        self.act = activations.get(act)()
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))

    def extra_repr(self) -> str:
        return f"{self.in_features} -> {self.out_features}"


def reduction(
    in_features: int, reduce_to: int | None, *, act: str = "relu", eps: float = 1e-5
) -> tuple[nn.Module, int]:
    """The module of the reduce slot and the channels after it; no layer where ``reduce_to`` is None."""
    if reduce_to is None:
        return nn.Identity(), in_features
    return ChannelReduction(in_features, reduce_to, act=act, eps=eps), reduce_to
