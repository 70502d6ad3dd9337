"""Residuals of the descriptors from the words of a dictionary (VLAD)."""

from __future__ import annotations

import torch  # noqa: F401  (the doctests use it)
from jaxtyping import Float
from torch import Tensor

from covpool.functional.precision import in_float32


@in_float32
def residual_sums(
    x: Float[Tensor, "*batch c n"], shares: Float[Tensor, "*batch k n"], centers: Float[Tensor, "k c"]
) -> Float[Tensor, "*batch k c"]:
    r"""Shared sums of residuals, :math:`V_k=\sum_i a_{ki}\,(x_i-c_k)`.

    Source: Arandjelovic et al. CVPR 2016 (NetVLAD), eq. (1). Shape: x (..., C, N), shares (..., K, N), centers (K, C)
    -> (..., K, C); the (K, C, N) residuals are never formed. Dtype: computed in float32 if x is half, returned in
    x.dtype. Gradient: autograd.

    Example:
        >>> residual_sums(torch.tensor([[1.0, 3.0]]), torch.ones(1, 2), torch.tensor([[1.0]]))
        tensor([[2.]])
    """
    return shares @ x.mT - shares.sum(-1, keepdim=True) * centers
