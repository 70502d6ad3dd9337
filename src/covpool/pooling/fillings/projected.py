"""Slots 3 and 4: a few linear functions of the second moment, or of its root, instead of the whole matrix."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from covpool.functional.sketch import sketch_hashes
from covpool.functional.statistics.forms import bilinear_forms, matrix_sketch, random_signs


class RandomForms(nn.Module):
    r"""Random Maclaurin sketch of the second moment: forms with random signs, divided by :math:`\sqrt{width}`.

    The inner product of two sketches is, on average over the signs, that of the two second moments.
    Source: Kar and Karnick AISTATS 2012; Gao et al. CVPR 2016. Shape: (B, C, N) -> (B, width).

    Args:
        dim: channels C.
        width: length of the sketch; 8192 as the tensor sketch of the fast-MPN-COV release.
        seed: of the signs, which are buffers.
    """

    min_positions = 1
    left: Tensor
    right: Tensor

    def __init__(self, dim: int, *, width: int = 8192, seed: int = 0) -> None:
        super().__init__()
        left, right = (random_signs(_wide(width), dim, 2 * seed + side) for side in (0, 1))
        self.register_buffer("left", left)
        self.register_buffer("right", right)

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d"]:
        forms = bilinear_forms(x, self.left.to(x.dtype), self.right.to(x.dtype))
        return forms / self.left.shape[0] ** 0.5

    def extra_repr(self) -> str:
        return f"{self.left.shape[1]} -> {self.left.shape[0]}"


class LearnedForms(nn.Module):
    """Learned bilinear forms: the Hadamard product of two learned projections, averaged over positions.

    Source: Kim et al. ICLR 2017 (MLB); Yu et al. ECCV 2018 (HBP, with one layer in place of pairs of layers).
    Shape: (B, C, N) -> (B, width).

    Args:
        dim: channels C.
        width: forms.
    """

    min_positions = 1

    def __init__(self, dim: int, *, width: int) -> None:
        super().__init__()
        self.left, self.right = (nn.Parameter(torch.randn(_wide(width), dim) / dim**0.5) for _ in range(2))

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d"]:
        return bilinear_forms(x, self.left.to(x.dtype), self.right.to(x.dtype))

    def extra_repr(self) -> str:
        return f"{self.left.shape[1]} -> {self.left.shape[0]}"


class QuadraticForms(nn.Module):
    r"""Learned quadratic forms of the covariance, :math:`w_k^\top\Sigma w_k`: variances along learned directions.

    For Gaussian descriptors each is a multiple of a chi-square variable, which the next slot straightens.
    Source: Yu and Salzmann ECCV 2018 (SMSO). Shape: (B, C, N) -> (B, width).

    Args:
        dim: channels C.
        width: forms.
    """

    min_positions = 2

    def __init__(self, dim: int, *, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(_wide(width), dim) / dim**0.5)

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d"]:
        weight = self.weight.to(x.dtype)
        return bilinear_forms(x, weight, weight, center=True)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]} -> {self.weight.shape[0]}"


class MatrixSketch(nn.Module):
    """Tensor sketch of a normalised matrix; see ``covpool.functional.matrix_sketch``.

    Shape: (B, dim, dim) -> (B, width).

    Args:
        dim: rows of the matrix.
        width: bins of the sketch.
        seed: of the hashes, which are buffers; 1 gives those of the pool ``cbp``.
    """

    bins: Tensor
    signs: Tensor

    def __init__(self, dim: int, *, width: int = 8192, seed: int = 1) -> None:
        super().__init__()
        self.width = _wide(width)
        here = torch.get_default_device()
        bins, signs = sketch_hashes(dim, width, generator=torch.Generator(device="cpu").manual_seed(seed))
        self.register_buffer("bins", bins.to(here))
        self.register_buffer("signs", signs.to(here))

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b d"]:
        return matrix_sketch(a, self.bins, self.signs, self.width)

    def extra_repr(self) -> str:
        return f"{self.bins.shape[1]} x {self.bins.shape[1]} -> {self.width}"


def _wide(width: int) -> int:
    if width < 1:
        raise ValueError(f"the width of a statistic needs to be at least 1; got {width}")
    return width
