"""Slot 4, normalize: tame the spectrum or the entries of the statistic."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional
from covpool.functional.checks import need_steps


class MatrixSqrt(nn.Module):
    """Square root of the covariance; see ``covpool.functional.matrix_sqrt``.

    Shape: (B, C, C) -> (B, C, C).

    Args:
        method: ``newton-schulz`` (as published) or ``eig``.
        steps: Newton-Schulz iterations; 5 as published.
        backend: how Newton-Schulz is computed, with the same values; see ``covpool.functional.backends``.
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

    def forward(self, a: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        rooted = functional.signed_power(a, 0.5, eps=self.eps)
        return functional.l2_normalize(rooted, tuple(range(1, a.dim())))

    def extra_repr(self) -> str:
        return f"eps={self.eps}"
