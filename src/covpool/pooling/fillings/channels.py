"""Slot 3, describe: C x C statistics of the channels other than the plain covariance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional
from covpool.functional.statistics.channels import correlation, distance_covariance, kernel_matrix
from covpool.functional.statistics.embedding import moment_matrix
from covpool.functional.statistics.inverse import need_penalty, sparse_inverse
from covpool.functional.statistics.shrinkage import shrinkage_methods, shrunk_covariance


class Correlation(nn.Module):
    """Correlation of the channels; see ``covpool.functional.correlation``. Shape: (B, C, N) -> (B, C, C)."""

    min_positions = 2

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return correlation(x)


class ShrunkCovariance(nn.Module):
    """Covariance moved towards the identity; see ``covpool.functional.shrunk_covariance``.

    Shape: (B, C, N) -> (B, C, C).

    Args:
        method: ``ledoit-wolf`` or ``oas``.
    """

    min_positions = 2

    def __init__(self, *, method: str = "ledoit-wolf") -> None:
        super().__init__()
        self.method = shrinkage_methods.resolve(method)

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return shrunk_covariance(x, method=self.method)

    def extra_repr(self) -> str:
        return f"method={self.method!r}"


class SparseInverse(nn.Module):
    """Sparse inverse of the covariance; see ``covpool.functional.sparse_inverse``.

    Shape: (B, C, N) -> (B, C, C).

    Args:
        penalty: on the entries, in units of the mean variance.
        steps: of ADMM, one eigendecomposition each.
    """

    min_positions = 2

    def __init__(self, *, penalty: float = 0.1, steps: int = 10) -> None:
        super().__init__()
        need_penalty(penalty, steps)
        self.penalty, self.steps = penalty, steps

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return sparse_inverse(functional.covariance(x), penalty=self.penalty, steps=self.steps)

    def extra_repr(self) -> str:
        return f"penalty={self.penalty}, steps={self.steps}"


class MomentMatrix(nn.Module):
    """Mean and covariance as one matrix; see ``covpool.functional.moment_matrix``.

    Shape: (B, C, N) -> (B, C+1, C+1).
    """

    min_positions = 1

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d d"]:
        return moment_matrix(x)


class DistanceCovariance(nn.Module):
    """Brownian distance covariance with a learned scale; see ``covpool.functional.distance_covariance``.

    Shape: (B, C, N) -> (B, C, C).

    Args:
        scale: of the mean squared differences, where it starts; 1/2 as in DeepBDC.
        learn_scale: train its logarithm; True as there.
        eps: under the root; 1e-5 as there.
    """

    min_positions = 2

    def __init__(self, *, scale: float = 0.5, learn_scale: bool = True, eps: float = 1e-5) -> None:
        super().__init__()
        self.log_scale = _logarithm(scale, learn_scale, "the distance covariance needs a scale")
        self.eps = eps

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return distance_covariance(x, scale=self.log_scale.to(x.dtype).exp(), eps=self.eps)

    def extra_repr(self) -> str:
        return f"eps={self.eps}"


class KernelMatrix(nn.Module):
    """Gaussian kernel between channels with a learned width; see ``covpool.functional.kernel_matrix``.

    Shape: (B, C, N) -> (B, C, C).

    Args:
        gamma: where the factor of the mean squared differences starts; 1 suits features of unit size.
        learn_gamma: train its logarithm; True as in DeepKSPD.
    """

    min_positions = 1

    def __init__(self, *, gamma: float = 1.0, learn_gamma: bool = True) -> None:
        super().__init__()
        self.log_gamma = _logarithm(gamma, learn_gamma, "the kernel needs a gamma")

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return kernel_matrix(x, self.log_gamma.to(x.dtype).exp())


def _logarithm(start: float, learn: bool, what: str) -> nn.Parameter:
    if start <= 0:
        raise ValueError(f"{what} above 0; got {start}")
    return nn.Parameter(torch.tensor(math.log(start)), requires_grad=learn)
