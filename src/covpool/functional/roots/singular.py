"""Powers of the singular values of matrices that need be neither square nor symmetric."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.power import l2_normalize
from covpool.functional.precision import in_float32


@in_float32
def singular_power(
    a: Float[Tensor, "*batch c d"],
    start: Float[Tensor, "d"],
    *,
    power: float = 0.5,
    count: int | None = 1,
    steps: int = 1,
    eps: float = 1e-5,
) -> Float[Tensor, "*batch c d"]:
    r"""Power of the leading singular values by power iteration; the rest is divided by what the last one was.

    .. math:: \sum_{j\le k} s_j^p\,u_jv_j^\top + \frac{A-\sum_{j\le k} s_ju_jv_j^\top}{s_k^{1-p}+\epsilon}

    Each u, v comes from ``steps`` iterations begun at ``start`` on what the earlier ones left.
    Source: Xie et al. 2021 (So-ViT, svPN), by the code released with DropCov. Departs: a zero matrix gives zero with a
    finite gradient, and count above 1 with one step, which there normalises rounding errors, is refused.

    Shape: (..., C, D), start (D) -> (..., C, D). Dtype: computed in float32 if a is half, returned in a.dtype.
    Gradient: autograd, through the iteration.

    Args:
        a: matrices.
        start: first guess of every right singular vector; learned in the release.
        power: the exponent p; 1/2 as there.
        count: leading values k; 1 as there. None takes all min(C, D) of them, without a remainder.
        steps: iterations; 1 as there.
        eps: added to the divisor of the remainder.

    Raises:
        ValueError: power, count or steps that mean nothing.

    Example:
        >>> a = torch.diag(torch.tensor([4.0, 0.0]))
        >>> singular_power(a, torch.tensor([1.0, 0.0]))
        tensor([[2., 0.],
                [0., 0.]])
    """
    need_singular(power, count, steps)
    total, rest, s = torch.zeros_like(a), a, a.new_zeros(())
    for _ in range(min(a.shape[-2:]) if count is None else count):
        s, u, v = _leading(rest, start.to(a.dtype), steps)
        outer = u @ v.mT
        total = total + _guarded_power(s, power) * outer
        rest = rest - s * outer
    return total if count is None else total + rest / (_guarded_power(s, 1 - power) + eps)


@in_float32
def singular_sqrt(a: Float[Tensor, "*batch c d"], *, steps: int = 10) -> Float[Tensor, "*batch c d"]:
    r"""Square root of all singular values by Newton-Schulz, :math:`A(A^\top A)^{-1/4} = U S^{1/2} V^\top`.

    Two coupled iterations, each giving a root and its inverse: (A'A)^(1/2), then its inverse root. Small singular
    values come out below their root, as in ``matrix_sqrt``; a zero matrix gives zero.
    Source: ours, for the Newton-Schulz row of docs/papers/gcp_opt.md; Higham 2008, eq. (6.35), for the iteration.

    Shape: (..., C, D) -> (..., C, D). Dtype: computed in float32 if a is half, returned in a.dtype. Gradient: autograd.

    Args:
        a: matrices.
        steps: of each iteration; 10 makes singular values above 1/10 of the norm exact to 1e-3.

    Raises:
        ValueError: steps below 1.

    Example:
        >>> singular_sqrt(torch.tensor([[0.0, 4.0], [9.0, 0.0]])).round(decimals=3)
        tensor([[0., 2.],
                [3., 0.]])
    """
    need_singular(0.5, 1, steps)
    wide = a.shape[-2] < a.shape[-1]
    if wide:
        a = a.mT
    norm = _guarded_norm(a)
    unit = a / norm
    root, _ = _root_and_inverse(unit.mT @ unit, steps)
    scale = root.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    _, inverse = _root_and_inverse(root / scale, steps)
    y = unit @ inverse * (norm / scale).sqrt()
    return y.mT if wide else y


def need_singular(power: float, count: int | None, steps: int) -> None:
    """ValueError for choices that mean nothing."""
    if not 0 < power <= 1:
        raise ValueError(f"the power of singular values needs to be in (0, 1]; got {power}. The published one is 0.5")
    if count is not None and count < 1:
        raise ValueError(f"count needs at least 1 leading singular value, or None for all; got {count}")
    if steps < 1:
        raise ValueError(f"the iteration needs steps of at least 1; got {steps}")
    if count != 1 and steps < 2:  # one step removes exactly the image of the start: the next begins with rounding
        raise ValueError(f"more than one leading singular value needs steps of at least 2; got count={count}, steps=1")


def _leading(a: Tensor, start: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    v = start.unsqueeze(-1).expand(*a.shape[:-2], -1, -1)
    u = v
    for _ in range(steps):
        u = l2_normalize(a @ v, -2)
        v = l2_normalize(a.mT @ u, -2)
    return u.mT @ a @ v, u, v


def _guarded_power(s: Tensor, power: float) -> Tensor:
    positive = s > 0
    return torch.where(positive, torch.where(positive, s, torch.ones_like(s)) ** power, torch.zeros_like(s))


def _guarded_norm(a: Tensor) -> Tensor:
    squared = a.square().sum((-2, -1), keepdim=True)
    return torch.where(squared > 0, squared, torch.ones_like(squared)).sqrt()


def _root_and_inverse(a: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Root and inverse root of PSD matrices with a norm of at most 1, by the coupled iteration."""
    eye = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    y, z = a, eye
    for _ in range(steps):
        t = (3 * eye - z @ y) / 2
        y, z = y @ t, t @ z
    return y, z
