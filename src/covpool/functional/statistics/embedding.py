"""The Gaussian of the descriptors, mean and covariance, as one positive semi-definite matrix."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.precision import in_float32


@in_float32
def moment_matrix(x: Float[Tensor, "*batch c n"]) -> Float[Tensor, "*batch d d"]:
    r"""Homogeneous moment matrix, the second moment of the descriptors with a 1 below each.

    .. math:: M = \begin{bmatrix}\Sigma+\mu\mu^\top & \mu\\ \mu^\top & 1\end{bmatrix}
              = \frac1N\sum_i \begin{bmatrix}x_i\\1\end{bmatrix}\begin{bmatrix}x_i\\1\end{bmatrix}^\top

    It holds mean and covariance; its root is the Gaussian embedding of G2DeNet and MoNet.
    Source: Wang et al. CVPR 2017 (G2DeNet); Gou et al. CVPR 2018 (MoNet).

    Shape: x (..., C, N) -> (..., C+1, C+1). Dtype: computed in float32 if x is half, returned in x.dtype.
    Gradient: autograd.

    Example:
        >>> moment_matrix(torch.tensor([[1.0, 3.0]]))
        tensor([[5., 2.],
                [2., 1.]])
    """
    ones = torch.ones_like(x[..., :1, :])
    x = torch.cat([x, ones], -2)
    return x @ x.mT / x.shape[-1]
