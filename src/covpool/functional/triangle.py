"""Symmetric matrices as vectors: the upper triangle, row by row."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor


def triangle(a: Float[Tensor, "*batch c c"]) -> Float[Tensor, "*batch d"]:
    """Upper triangle of square matrices with the diagonal, row by row: (0,0), (0,1), ... (0,C-1), (1,1), ...

    Off-diagonal entries are not multiplied by the root of 2, as in the released code.
    Source: Li et al. CVPR 2018. Departs: weights released before 2018-12-26 hold the lower triangle; an importer
    permutes their classifier once.

    Shape: (..., C, C) -> (..., C(C+1)/2). Dtype: kept. Gradient: autograd (only the upper half receives any).

    Example:
        >>> triangle(torch.tensor([[1, 2], [2, 3]]).float())
        tensor([1., 2., 3.])
    """
    return a.flatten(-2).index_select(-1, _indices(_places, a.shape[-1], a))


def from_triangle(v: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch c c"]:
    """The symmetric matrix whose upper triangle is ``v``: the way back from ``triangle``.

    Shape: (..., C(C+1)/2) -> (..., C, C). Dtype: kept. Gradient: autograd.

    Raises:
        ValueError: the length is no triangular number.

    Example:
        >>> from_triangle(torch.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 2.],
                [2., 3.]])
    """
    dim = (math.isqrt(8 * v.shape[-1] + 1) - 1) // 2
    if triangle_size(dim) != v.shape[-1]:
        raise ValueError(f"from_triangle() needs C(C+1)/2 numbers for some C; got {v.shape[-1]}")
    return v.index_select(-1, _indices(_sources, dim, v)).unflatten(-1, (dim, dim))


def triangle_size(dim: int) -> int:
    """Numbers in the triangle of a ``dim`` x ``dim`` matrix: 32896 for 256."""
    return dim * (dim + 1) // 2


def _places(dim: int, device: torch.device) -> Tensor:
    """Where each number of the triangle lies in the flat matrix."""
    rows, columns = torch.triu_indices(dim, dim, device=device)
    return rows * dim + columns


def _sources(dim: int, device: torch.device) -> Tensor:
    """Which number of the triangle each entry of the flat symmetric matrix is."""
    rows, columns = torch.triu_indices(dim, dim, device=device)
    index = torch.empty(dim, dim, dtype=torch.long, device=device)
    index[rows, columns] = index[columns, rows] = torch.arange(len(rows), device=device)
    return index.flatten()


def _indices(make: Callable[[int, torch.device], Tensor], dim: int, like: Tensor) -> Tensor:
    """The indices, made once a dimension and device; made anew for a tracer, whose tensors must not outlive it.

    32 bits are read a third faster than 64, and reach to a dimension of 46,340.
    """
    if torch.compiler.is_compiling() or type(like) is not Tensor:
        return make(dim, like.device).int()
    return _kept_indices(make, dim, like.device)


@lru_cache(maxsize=32)
def _kept_indices(make: Callable[[int, torch.device], Tensor], dim: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # autograd refuses tensors made in inference mode
        return make(dim, device).int()
