"""Element-wise normalisations of a representation: signed power and l2."""

from __future__ import annotations

import torch  # noqa: F401  (the doctests use it)
from jaxtyping import Float
from torch import Tensor

from covpool.functional.precision import in_float32


@in_float32
def signed_power(x: Float[Tensor, "*shape"], power: float = 0.5, *, eps: float = 1e-8) -> Float[Tensor, "*shape"]:
    r"""Signed power, :math:`\mathrm{sign}(x)\,(|x|+\epsilon)^p`.

    Source: Perronnin et al. ECCV 2010; Lin et al. ICCV 2015 (B-CNN) with p = 1/2; eps 1e-8 as in fast-MPN-COV's B-CNN,
    which keeps the gradient finite. The gradient at exactly 0 is 0.

    Shape: any, kept. Dtype: computed in float32 if x is half, returned in x.dtype. Gradient: autograd.

    Example:
        >>> signed_power(torch.tensor([-4.0, 9.0]), eps=0.0)
        tensor([-2.,  3.])
    """
    return x.sign() * (x.abs() + eps) ** power


@in_float32
def l2_normalize(
    x: Float[Tensor, "*shape"], dim: int | tuple[int, ...] = -1, *, eps: float = 1e-12
) -> Float[Tensor, "*shape"]:
    r"""Divide by the Euclidean norm over ``dim``, :math:`x/\max(\lVert x\rVert_2,\epsilon)`.

    A zero vector stays zero with a finite gradient. Shape: any, kept. Dtype: as ``signed_power``. Gradient: autograd.

    Example:
        >>> l2_normalize(torch.tensor([3.0, 4.0]))
        tensor([0.6000, 0.8000])
    """
    squared = x.square().sum(dim, keepdim=True)
    return x * squared.clamp(min=eps**2).rsqrt()
