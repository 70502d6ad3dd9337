"""The coupled Newton-Schulz iteration for the square root: as published, and with one shared residual.

Everything the published iteration makes is a polynomial in the start matrix A, so everything commutes:
Y_k = A Z_k, and with the residual R_j = A Z_j^2 a step is

    T = (3I - R) / 2,    Z <- Z T,    R <- R T^2,

three products instead of the same values by Y and Z. The gradient is the derivative of that recurrence in the
direction of the upstream gradient: for a polynomial at a symmetric matrix the Frechet derivative is its own adjoint.
"""

from __future__ import annotations

import torch
from torch import Tensor


def newton_schulz(a: Tensor, steps: int) -> Tensor:
    r"""Approximate root of symmetric PSD matrices by ``steps`` coupled iterations, trace in and trace out.

    With :math:`A = \Sigma/\mathrm{tr}\,\Sigma`, :math:`Y_0=A`, :math:`Z_0=I`:
    :math:`T=\frac12(3I-Z_{k-1}Y_{k-1})`, :math:`Y_k=Y_{k-1}T`, :math:`Z_k=TZ_{k-1}`; the result is
    :math:`\sqrt{\mathrm{tr}\,\Sigma}\,Y_{steps}`. A zero matrix has the root zero (the official layers give NaN).
    Plain autograd: this is the reference that faster forms are tested against.
    """
    trace = a.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]  # eq. (5)
    scale = torch.where(trace > 0, trace, torch.ones_like(trace))
    y = a / scale
    three = 3 * torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    z = None  # the identity
    for step in range(1, steps + 1):
        t = (three - (y if z is None else z @ y)) / 2  # eq. (6)
        y = y @ t
        if step < steps:
            z = t if z is None else t @ z
    return y * scale.sqrt()  # eq. (7)


def iterate(a: Tensor, steps: int) -> tuple[Tensor, list[Tensor]]:
    """Z after ``steps`` steps from ``a`` (B, n, n), and the states [T_1, Z_1, T_2, Z_2, ...] for the gradient.

    Temporaries are written in place: a fresh tensor costs as much as a product, in pages that the system must clear.
    """
    r, t = a, _half_step(a)
    z, states = t, [t]
    square, spare, following = (torch.empty_like(a) for _ in range(3))
    for _ in range(steps - 1):
        torch.bmm(r, torch.bmm(t, t, out=square), out=following)
        r, following, spare = following, spare, following
        t = _half_step(r)
        states += [z, t]
        z = z @ t
    return z, states


def iterate_derivative(states: list[Tensor], direction: Tensor) -> Tensor:
    """The derivative of Z at the states of ``iterate`` in a symmetric ``direction`` (B, n, n): five products a step."""
    t, dr, dz = states[0], direction.clone(), direction / -2
    half, twice = torch.empty_like(direction), torch.empty_like(direction)
    for z, next_t in zip(states[1::2], states[2::2], strict=True):
        torch.bmm(dr, t, out=half)
        torch.add(half, half.mT, out=twice)  # -2 d(T^2)
        torch.bmm(half, t, out=dr).sub_(twice, alpha=1.5).baddbmm_(t, twice)  # R = 3I - 2T
        t = next_t
        dz, half = torch.bmm(dz, t, out=half).baddbmm_(z, dr, alpha=-0.5), dz
    return dz


def _half_step(r: Tensor) -> Tensor:
    """T = (3I - R) / 2."""
    t = r / -2
    t.diagonal(dim1=-2, dim2=-1).add_(1.5)
    return t
