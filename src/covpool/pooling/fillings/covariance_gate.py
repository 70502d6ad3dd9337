"""Slot 2, reweight: channels gated by their covariances, also as a block inside a backbone."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional
from covpool.functional.precision import as_parameters
from covpool.pooling.reduce import ChannelReduction


class CovarianceGate(nn.Module):
    r"""One weight in (0, 1) for each channel of each image, read off the covariance of the squeezed channels.

    .. math:: x \leftarrow x \odot \sigma\big(E\,\mathrm{rows}(\mathrm{BN}(\mathrm{Cov}(S x)))\big)

    S squeezes the channels (1x1 convolution, BN, ReLU), ``rows`` reads each row of the covariance by filters of its
    own, E expands to the channels. Source: Gao et al. CVPR 2019 (GSoP), channel block. It maps a map to a map, so it
    serves any stage of a network, as there.

    Shape: (B, C, H, W) -> the same, H W of at least 2.

    Args:
        dim: channels C.
        squeeze: channels whose covariance is taken; at most 128 as in the paper's networks.
        filters: numbers read off a row; 4 as there.
    """

    def __init__(self, dim: int, *, squeeze: int | None = None, filters: int = 4) -> None:
        super().__init__()
        width = min(dim, 128) if squeeze is None else squeeze
        if width < 1 or filters < 1:
            raise ValueError(f"the gate needs squeeze and filters of at least 1; got {width} and {filters}")
        self.squeeze = ChannelReduction(dim, width)
        self.norm = nn.BatchNorm2d(width)
        self.rows = nn.Conv2d(width, filters * width, kernel_size=(1, width), groups=width)
        self.expand = nn.Conv2d(filters * width, dim, kernel_size=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        squeezed = self.squeeze(as_parameters(self, x))
        rows = self.norm(functional.covariance(squeezed.flatten(2)).unsqueeze(2))
        return x * self.expand(self.rows(rows)).sigmoid().to(x.dtype)
