"""Covariances shrunk towards a multiple of the identity, for few positions and many channels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_positions
from covpool.functional.precision import in_float32
from covpool.registry import Registry


@in_float32
def shrunk_covariance(x: Float[Tensor, "*batch c n"], *, method: str = "ledoit-wolf") -> Float[Tensor, "*batch c c"]:
    r"""Covariance moved towards the mean variance by the share that its estimated error asks for.

    .. math:: \hat\Sigma = (1-s)\,\Sigma + s\,\frac{\mathrm{tr}\,\Sigma}{C} I, \quad s\in[0,1]

    ``ledoit-wolf``: s from the fourth moments of the descriptors. ``oas``: s for Gaussian descriptors.
    The gradient goes through s. The trace is kept, a constant map gives zero.

    Source: Ledoit and Wolf, J. Multivariate Analysis 2004; Chen et al. IEEE TSP 2010 (oracle approximating
    shrinkage). Departs: OAS without the terms 2/C of its eq. (23), as scikit-learn has it; they vanish for many
    channels.

    Shape: x (..., C, N) -> (..., C, C). Dtype: computed in float32 if x is half, returned in x.dtype.
    Gradient: autograd.

    Args:
        x: descriptors as columns.
        method: ``ledoit-wolf`` (default: it assumes no distribution) or ``oas``.

    Raises:
        ValueError: fewer than 2 positions, unknown method.

    Example:
        >>> shrunk_covariance(torch.tensor([[0.0, 2.0], [0.0, 2.0]]), method="oas")
        tensor([[1., 0.],
                [0., 1.]])
    """
    need_positions(x, 2, "shrunk_covariance()", "Pass a larger map")
    share_of = shrinkage_methods.get(method)
    x = x - x.mean(-1, keepdim=True)
    variance = x.square().mean((-1, -2), keepdim=True)
    safe = torch.where(variance > 0, variance, torch.ones_like(variance))
    x = x / safe.sqrt()  # from here the mean variance is one, and fourth moments stay in range
    sigma = x @ x.mT / x.shape[-1]
    share = share_of(x, sigma)[..., None, None]
    eye = torch.eye(x.shape[-2], dtype=x.dtype, device=x.device)
    return (sigma * (1 - share) + share * eye * (variance > 0)) * safe


def _ledoit_wolf(x: Tensor, sigma: Tensor) -> Tensor:
    """The share for centred descriptors of mean variance one."""
    dim, positions = x.shape[-2:]
    size = sigma.square().sum((-1, -2))
    fourth = x.square().sum(-2).square().mean(-1)
    error = ((fourth - size) / (dim * positions)).clamp(min=0)
    return _ratio(error, size / dim - 1)


def _oracle_approximating(x: Tensor, sigma: Tensor) -> Tensor:
    """The share for centred Gaussian descriptors of mean variance one."""
    dim, positions = x.shape[-2:]
    mean_square = sigma.square().mean((-1, -2))
    return _ratio(mean_square + 1, (positions + 1) * (mean_square - 1 / dim))


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, at most 1; 1 where the covariance is a multiple of the identity already and the whole is zero."""
    open_ended = whole > part
    return torch.where(open_ended, part / torch.where(open_ended, whole, torch.ones_like(whole)), torch.ones_like(part))


shrinkage_methods = Registry[Callable[[Tensor, Tensor], Tensor]]("shrinkage method")
shrinkage_methods.register("ledoit-wolf", _ledoit_wolf)
shrinkage_methods.register("oas", _oracle_approximating)
