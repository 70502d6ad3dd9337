"""The coupled Newton-Schulz iteration for the square root, as published."""

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
