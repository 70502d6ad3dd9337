"""Functions of symmetric matrices through their eigenvalues, with gradients that stay finite."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _SpectralPower(torch.autograd.Function):
    r"""U diag(l^p) U' with the Daleckii-Krein backward, U ((U' S U) * F) U'.

    F holds divided differences of the power, so that equal eigenvalues need no 1/(l_i - l_j). Eigenvalues up to
    the rounding error of the largest one count as zero: their power is zero and so is F between two of them.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, power: float) -> tuple[Tensor, Tensor, Tensor]:
        values, vectors = torch.linalg.eigh(a)
        floor = values[..., -1:].clamp(min=0) * a.shape[-1] * torch.finfo(a.dtype).eps
        values = torch.where(values > floor, values, torch.zeros_like(values))
        powers = _power(values, power)
        return (vectors * powers.unsqueeze(-2)) @ vectors.mT, values, vectors

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: tuple[Tensor, Tensor, Tensor]) -> None:
        _, values, vectors = output
        ctx.power = inputs[1]
        ctx.mark_non_differentiable(values, vectors)
        ctx.save_for_backward(values, vectors)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        values, vectors = ctx.saved_tensors
        symmetric = (upstream[0] + upstream[0].mT) / 2
        inner = vectors.mT @ symmetric @ vectors * _divided_differences(values, ctx.power)
        return vectors @ inner @ vectors.mT, None


def spectral_power(a: Tensor, power: float) -> Tensor:
    """The power of symmetric PSD matrices; zero eigenvalues stay zero."""
    return _SpectralPower.apply(a, power)[0]


def _power(values: Tensor, power: float) -> Tensor:
    positive = values > 0
    safe = torch.where(positive, values, torch.ones_like(values))
    return torch.where(positive, safe**power, torch.zeros_like(values))


def _divided_differences(values: Tensor, power: float) -> Tensor:
    """(l_i^p - l_j^p) / (l_i - l_j), the derivative at the midpoint where the two are close."""
    left, right = values.unsqueeze(-1), values.unsqueeze(-2)
    either = (left > 0) | (right > 0)
    one = torch.ones_like(left + right)
    if power == 0.5:  # 1 / (sqrt l_i + sqrt l_j): exact, no cancellation
        return torch.where(either, 1 / torch.where(either, left.sqrt() + right.sqrt(), one), 0 * one)
    gap = left - right
    close = gap.abs() <= torch.finfo(values.dtype).eps ** 0.375 * torch.maximum(left, right)
    middle = torch.where(either, (left + right) / 2, one)
    quotient = (_power(left, power) - _power(right, power)) / torch.where(close, one, gap)
    slope = power * middle ** (power - 1)
    return torch.where(either, torch.where(close, slope, quotient), 0 * one)
