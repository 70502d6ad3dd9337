"""Slot 3, describe: positions become one statistic an image."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional


class Covariance(nn.Module):
    """Covariance of the descriptors of each image; see ``covpool.functional.covariance``.

    Shape: (B, C, N) -> (B, C, C).

    Args:
        center: subtract the mean descriptor; True as in every covariance pool.
        ridge: added to the diagonal; 0 as in iSQRT-COV.
    """

    def __init__(self, *, center: bool = True, ridge: float = 0.0) -> None:
        super().__init__()
        self.center = center
        self.ridge = ridge
        self.min_positions = 2 if center else 1

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return functional.covariance(x, center=self.center, ridge=self.ridge)

    def extra_repr(self) -> str:
        return f"center={self.center}, ridge={self.ridge}"


class SecondMoment(nn.Module):
    """Bilinear (not centred) second moment of each image; see ``covpool.functional.second_moment``.

    Shape: (B, C, N) -> (B, C, C).
    """

    min_positions = 1

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return functional.second_moment(x)
