"""Slot 4, normalize: logarithm, Cholesky, MaxExp, the rank-one update, and straightened variances."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from covpool.functional.spectrum.flattening import max_exp, need_exponent, need_update, rank_one_update
from covpool.functional.spectrum.logarithm import log_cholesky, matrix_log, need_ridge


class MatrixLog(nn.Module):
    """Matrix logarithm; see ``covpool.functional.matrix_log``. Shape: (B, C, C) -> (B, C, C).

    Args:
        ridge: share of the mean variance added to the diagonal.
    """

    def __init__(self, *, ridge: float = 1e-3) -> None:
        super().__init__()
        need_ridge(ridge, "the matrix logarithm")
        self.ridge = ridge

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b c c"]:
        return matrix_log(a, ridge=self.ridge)

    def extra_repr(self) -> str:
        return f"ridge={self.ridge}"


class LogCholesky(nn.Module):
    """Upper Cholesky factor, its diagonal as logarithms; see ``covpool.functional.log_cholesky``.

    Shape: (B, C, C) -> (B, C, C).

    Args:
        ridge: share of the mean variance added to the diagonal.
        log_diagonal: False keeps the factor itself.
    """

    def __init__(self, *, ridge: float = 1e-3, log_diagonal: bool = True) -> None:
        super().__init__()
        need_ridge(ridge, "the Cholesky factor")
        self.ridge, self.log_diagonal = ridge, log_diagonal

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b c c"]:
        return log_cholesky(a, ridge=self.ridge, log_diagonal=self.log_diagonal)

    def extra_repr(self) -> str:
        return f"ridge={self.ridge}, log_diagonal={self.log_diagonal}"


class MaxExp(nn.Module):
    """Spectral MaxExp; see ``covpool.functional.max_exp``. Shape: (B, C, C) -> (B, C, C).

    Args:
        exponent: eta, an integer.
    """

    def __init__(self, exponent: int = 20) -> None:
        super().__init__()
        need_exponent(exponent)
        self.exponent = exponent

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b c c"]:
        return max_exp(a, self.exponent)

    def extra_repr(self) -> str:
        return f"exponent={self.exponent}"


class RankOneUpdate(nn.Module):
    """Weaken the strongest direction; see ``covpool.functional.rank_one_update``. Shape: (B, C, C) -> (B, C, C).

    Args:
        dim: channels C.
        strength: epsilon.
        steps: power steps.
        seed: of the start vector, which is a buffer.
    """

    start: Tensor

    def __init__(self, dim: int, *, strength: float = 0.5, steps: int = 2, seed: int = 0) -> None:
        super().__init__()
        need_update(strength, steps)
        self.strength, self.steps = strength, steps
        start = torch.randn(dim, generator=torch.Generator(device="cpu").manual_seed(seed), device="cpu")
        self.register_buffer("start", start.to(torch.get_default_device()))

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b c c"]:
        return rank_one_update(a, self.start.to(a.dtype), strength=self.strength, steps=self.steps)

    def extra_repr(self) -> str:
        return f"strength={self.strength}, steps={self.steps}"


class StraightenedVariance(nn.Module):
    r"""Root (or logarithm) of variances, then a learned scale and shift of each.

    Either makes a chi-square variable nearly Gaussian. Source: Yu and Salzmann ECCV 2018 (SMSO).
    Shape: (B, dim) -> (B, dim).

    Args:
        dim: length of the vector.
        transform: ``sqrt`` or ``log``.
        eps: added to the variances; keeps the gradient of a constant map finite.
    """

    def __init__(self, dim: int, *, transform: str = "sqrt", eps: float = 1e-12) -> None:
        super().__init__()
        if transform not in ("sqrt", "log"):
            raise ValueError(f"unknown transform {transform!r} of variances; choose 'sqrt' or 'log'")
        self.transform, self.eps = transform, eps
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, v: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        v = v + self.eps
        straight = v.sqrt() if self.transform == "sqrt" else v.log()
        return straight * self.weight.to(v.dtype) + self.bias.to(v.dtype)

    def extra_repr(self) -> str:
        return f"transform={self.transform!r}, eps={self.eps}"
