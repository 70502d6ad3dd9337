"""Slot 4, normalize: tame the spectrum or the entries of the statistic."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional
from covpool.functional.checks import need_steps
from covpool.functional.roots.singular import need_singular, singular_power, singular_sqrt


class MatrixSqrt(nn.Module):
    """Square root of the covariance; see ``covpool.functional.matrix_sqrt``.

    Shape: (B, C, C) -> (B, C, C).

    Args:
        method: ``newton-schulz`` (as published) or ``eig``.
        steps: Newton-Schulz iterations; 5 as published.
        backend: how Newton-Schulz is computed, with the same values; see ``covpool.functional.roots.backends``.
    """

    def __init__(self, *, method: str = "newton-schulz", steps: int = 5, backend: str = "auto") -> None:
        super().__init__()
        self.method = functional.sqrt_methods.resolve(method)
        self.backend = functional.backends.resolve(backend)
        self.steps = steps
        need_steps(steps)

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b c c"]:
        return functional.matrix_sqrt(a, method=self.method, steps=self.steps, backend=self.backend)

    def extra_repr(self) -> str:
        return f"method={self.method!r}, steps={self.steps}, backend={self.backend!r}"


class MatrixPower(nn.Module):
    """Power of the eigenvalues; see ``covpool.functional.matrix_power``. Shape: (B, C, C) -> (B, C, C)."""

    def __init__(self, power: float = 0.5) -> None:
        super().__init__()
        if power <= 0:
            raise ValueError(f"the eigenvalue power needs to be positive; got {power}. MPN-COV uses 0.5")
        self.power = power

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b c c"]:
        return functional.matrix_power(a, self.power)

    def extra_repr(self) -> str:
        return f"power={self.power}"


class SignedSqrt(nn.Module):
    """Signed square root of each entry, then l2 over the whole image.

    Source: Lin et al. ICCV 2015 (B-CNN). Shape: (B, ...) -> the same.

    Args:
        eps: keeps the gradient at zero finite; 1e-8 as in the fast-MPN-COV release.
    """

    def __init__(self, *, eps: float = 1e-8) -> None:
        super().__init__()
        self.eps = eps

    def before_norm(self, a: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """The entries before l2, for an explanation, which holds their norm fixed."""
        return functional.signed_power(a, 0.5, eps=self.eps)

    def forward(self, a: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return functional.l2_normalize(self.before_norm(a), tuple(range(1, a.dim())))

    def extra_repr(self) -> str:
        return f"eps={self.eps}"


class SignedPower(nn.Module):
    """Signed power of each entry; see ``covpool.functional.signed_power``. Shape: (B, ...) -> the same."""

    def __init__(self, power: float = 0.5, *, eps: float = 1e-8) -> None:
        super().__init__()
        self.power, self.eps = power, eps

    def forward(self, a: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return functional.signed_power(a, self.power, eps=self.eps)

    def extra_repr(self) -> str:
        return f"power={self.power}, eps={self.eps}"


class Scale(nn.Module):
    """All entries times one number, fixed or learned. Shape: (B, ...) -> the same.

    Args:
        factor: the number, or where it starts; dim^-1/2 in the code released with DropCov.
        learn: train it.
    """

    factor: Tensor

    def __init__(self, factor: float, *, learn: bool = False) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(float(factor)), requires_grad=learn)

    def forward(self, a: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return a * self.factor.to(a.dtype)


class RowNorm(nn.LayerNorm):
    """Layer normalisation of each row of the matrix, in the matrix's dtype. Shape: (B, ..., R, dim) -> the same."""

    def forward(self, a: Float[Tensor, "*batch c d"]) -> Float[Tensor, "*batch c d"]:
        weight, bias = self.weight.to(a.dtype), self.bias.to(a.dtype)
        return nn.functional.layer_norm(a, self.normalized_shape, weight, bias, self.eps)


class SingularPower(nn.Module):
    """Power of the leading singular values from a learned start; see ``covpool.functional.roots.singular_power``.

    Shape: (B, ..., R, dim) -> the same.

    Args:
        dim: length of the start vector: columns of the matrix.
        power: the exponent; 1/2 as released (svPN).
        count: leading values; 1 as released, None takes all.
        steps: power iterations; 1 as released.
        learn: train the start, drawn from the standard normal law; False starts from ones.
    """

    start: Tensor

    def __init__(
        self, dim: int, *, power: float = 0.5, count: int | None = 1, steps: int = 1, learn: bool = True
    ) -> None:
        super().__init__()
        need_singular(power, count, steps)
        self.power, self.count, self.steps = power, count, steps
        if learn:
            self.start = nn.Parameter(torch.randn(dim))
        else:
            self.register_buffer("start", torch.ones(dim))

    def forward(self, a: Float[Tensor, "*batch c d"]) -> Float[Tensor, "*batch c d"]:
        return singular_power(a, self.start, power=self.power, count=self.count, steps=self.steps)

    def extra_repr(self) -> str:
        return f"power={self.power}, count={self.count}, steps={self.steps}"


class SingularSqrt(nn.Module):
    """Root of all singular values by Newton-Schulz; see ``covpool.functional.roots.singular_sqrt``.

    Shape: (B, ..., R, R') -> the same.
    """

    def __init__(self, *, steps: int = 10) -> None:
        super().__init__()
        need_singular(0.5, 1, steps)
        self.steps = steps

    def forward(self, a: Float[Tensor, "*batch c d"]) -> Float[Tensor, "*batch c d"]:
        return singular_sqrt(a, steps=self.steps)

    def extra_repr(self) -> str:
        return f"steps={self.steps}"
