"""Slot 5, vectorize: the statistic as the vector that the classifier sees."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional


class Triangle(nn.Module):
    """Upper triangle of a symmetric matrix, row by row; see ``covpool.functional.triangle``.

    Shape: (B, dim, dim) -> (B, dim (dim + 1) / 2).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_features = functional.triangle_size(dim)

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b d"]:
        return functional.triangle(a)

    def extra_repr(self) -> str:
        return f"out_features={self.out_features}"


class Flat(nn.Module):
    """All entries, row by row. Shape: (B, dim, dim) -> (B, dim^2)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_features = dim * dim

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b d"]:
        return a.flatten(1)

    def extra_repr(self) -> str:
        return f"out_features={self.out_features}"


class UnitTriangle(nn.Module):
    """Upper triangle of a symmetric matrix as a vector of unit length.

    Shape: (B, dim, dim) -> (B, dim (dim + 1) / 2).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_features = functional.triangle_size(dim)

    def before_norm(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b d"]:
        """The entries before l2, for an explanation, which holds their norm fixed."""
        return functional.triangle(a)

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b d"]:
        return functional.l2_normalize(self.before_norm(a))

    def extra_repr(self) -> str:
        return f"out_features={self.out_features}"


class Entries(nn.Module):
    """All entries of a statistic of any shape; a vector is left as it is. Shape: (B, ...) -> (B, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_features = width

    def forward(self, a: Float[Tensor, "b ..."]) -> Float[Tensor, "b d"]:
        return a.flatten(1)

    def extra_repr(self) -> str:
        return f"out_features={self.out_features}"


class StrictTriangle(nn.Module):
    """Upper triangle without the diagonal, row by row: for matrices whose diagonal says nothing.

    Shape: (B, dim, dim) -> (B, dim (dim - 1) / 2).

    Args:
        dim: rows of the matrix, at least 2.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim < 2:
            raise ValueError(f"a triangle without its diagonal needs at least 2 channels; got {dim}")
        self.out_features = dim * (dim - 1) // 2

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b d"]:
        return functional.triangle(a[:, :-1, 1:])

    def extra_repr(self) -> str:
        return f"out_features={self.out_features}"


class IsometricTriangle(nn.Module):
    """Upper triangle with the entries off the diagonal times the root of 2: its norm is that of the matrix.

    Shape: (B, dim, dim) -> (B, dim (dim + 1) / 2).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_features = functional.triangle_size(dim)

    def forward(self, a: Float[Tensor, "b c c"]) -> Float[Tensor, "b d"]:
        return functional.triangle(2**0.5 * a.triu(1) + a.tril(0))

    def extra_repr(self) -> str:
        return f"out_features={self.out_features}"
