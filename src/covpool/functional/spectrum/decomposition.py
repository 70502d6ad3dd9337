"""Functions of symmetric matrices through their eigenvalues, with gradients that stay finite."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from covpool.functional.exporting import refuse_onnx


class ScalarMap(Protocol):
    """A function of one eigenvalue: where it is defined, what it is, and its divided differences."""

    @staticmethod
    def domain(values: Tensor, floor: Tensor) -> Tensor:
        """The eigenvalues moved to where the function lives; ``floor`` is the rounding error of the largest."""

    @staticmethod
    def value(values: Tensor, parameter: float) -> Tensor:
        """f(l) for values (..., C)."""

    @staticmethod
    def quotient(left: Tensor, right: Tensor, parameter: float) -> Tensor:
        """(f(l) - f(m)) / (l - m), the derivative where the two are equal, for values that broadcast."""


class _Power:
    """l^p of what is not negative; up to the rounding error counts as zero, and zero stays zero."""

    @staticmethod
    def domain(values: Tensor, floor: Tensor) -> Tensor:
        return torch.where(values > floor, values, torch.zeros_like(values))

    @staticmethod
    def value(values: Tensor, power: float) -> Tensor:
        positive = values > 0
        safe = torch.where(positive, values, torch.ones_like(values))
        return torch.where(positive, safe**power, torch.zeros_like(values))

    @staticmethod
    def quotient(left: Tensor, right: Tensor, power: float) -> Tensor:
        either = (left > 0) | (right > 0)
        one = torch.ones_like(left + right)
        if power == 0.5:  # 1 / (sqrt l + sqrt m): exact, no cancellation
            return torch.where(either, 1 / torch.where(either, left.sqrt() + right.sqrt(), one), 0 * one)
        gap = left - right
        close = gap.abs() <= torch.finfo(left.dtype).eps ** 0.375 * torch.maximum(left, right)
        middle = torch.where(either, (left + right) / 2, one)
        quotient = (_Power.value(left, power) - _Power.value(right, power)) / torch.where(close, one, gap)
        slope = power * middle ** (power - 1)
        return torch.where(either, torch.where(close, slope, quotient), 0 * one)


class _Logarithm:
    """log l of positive values; what rounding made smaller than the rounding error is lifted to it."""

    @staticmethod
    def domain(values: Tensor, floor: Tensor) -> Tensor:
        return torch.maximum(values, floor.clamp(min=torch.finfo(values.dtype).tiny))

    @staticmethod
    def value(values: Tensor, parameter: float) -> Tensor:
        return values.log()

    @staticmethod
    def quotient(left: Tensor, right: Tensor, parameter: float) -> Tensor:
        low = torch.minimum(left, right)
        ratio = (left - right).abs() / low  # log1p(t) / t is accurate for every t
        safe = torch.where(ratio > 0, ratio, torch.ones_like(ratio))
        return torch.where(ratio > 0, torch.log1p(safe) / safe, torch.ones_like(ratio)) / low


class _LogDeterminantProx:
    """The positive root p of r p^2 - l p - 1 = 0, (l + sqrt(l^2 + 4r)) / (2r), of any l: a step on -log det."""

    @staticmethod
    def domain(values: Tensor, floor: Tensor) -> Tensor:
        return values

    @staticmethod
    def value(values: Tensor, penalty: float) -> Tensor:
        root = (values.square() + 4 * penalty).sqrt()
        other = 2 / (root + values.abs())  # for l < 0 the sum in the numerator would cancel
        return torch.where(values < 0, other, (values + root) / (2 * penalty))

    @staticmethod
    def quotient(left: Tensor, right: Tensor, penalty: float) -> Tensor:
        product = _LogDeterminantProx.value(left, penalty) * _LogDeterminantProx.value(right, penalty)
        return product / (1 + penalty * product)  # from l = r p - 1/p: no cancellation


_MAPS: dict[str, type[ScalarMap]] = {"power": _Power, "log": _Logarithm, "log-determinant prox": _LogDeterminantProx}


class _SpectralFunction(torch.autograd.Function):
    r"""U diag(f(l)) U' with the Daleckii-Krein backward, U ((U' S U) * F) U'.

    F holds divided differences of f, so that equal eigenvalues need no 1/(l_i - l_j).
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, name: str, parameter: float) -> tuple[Tensor, Tensor, Tensor]:
        values, vectors = decompose(a)
        floor = values[..., -1:].clamp(min=0) * a.shape[-1] * torch.finfo(a.dtype).eps
        values = _MAPS[name].domain(values, floor)
        return (vectors * _MAPS[name].value(values, parameter).unsqueeze(-2)) @ vectors.mT, values, vectors

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, str, float], output: tuple[Tensor, Tensor, Tensor]) -> None:
        _, values, vectors = output
        ctx.name, ctx.parameter = inputs[1:]
        ctx.mark_non_differentiable(values, vectors)
        ctx.save_for_backward(values, vectors)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        refuse_second_gradient()
        values, vectors = ctx.saved_tensors
        symmetric = (upstream[0] + upstream[0].mT) / 2
        quotients = _MAPS[ctx.name].quotient(values.unsqueeze(-1), values.unsqueeze(-2), ctx.parameter)
        return vectors @ (vectors.mT @ symmetric @ vectors * quotients) @ vectors.mT, None, None


def refuse_second_gradient() -> None:
    """Called in a backward whose eigenvectors are no part of the graph: its own gradient would be wrong in silence."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "functions of eigenvalues have no gradient of their gradient; for double backward take a pool without "
            "eigenvalues, such as isqrt with backend='plain'"
        )


def decompose(a: Tensor) -> tuple[Tensor, Tensor]:
    """Ascending eigenvalues and vectors of symmetric matrices (..., C, C); NaN vectors where a matrix is not finite.

    Found in float64 (not on mps, which has none): LAPACK's float32 gives up on some matrices with a large null space,
    and on any batch with a NaN in it.
    """
    finite = a.isfinite().all(-1).all(-1)[..., None, None]
    wide = a if a.device.type == "mps" else a.double()
    values, vectors = torch.linalg.eigh(torch.where(finite, wide, torch.zeros_like(wide)))
    return values.to(a.dtype), torch.where(finite, vectors, torch.nan).to(a.dtype)


def spectral_power(a: Tensor, power: float) -> Tensor:
    """The power of symmetric PSD matrices; zero eigenvalues stay zero."""
    refuse_onnx("the matrix power needs eigenvalues", "Build the pool with method='newton-schulz' if it has a method")
    return _SpectralFunction.apply(a, "power", power)[0]


def spectral_log(a: Tensor) -> Tensor:
    """The logarithm of symmetric positive definite matrices."""
    refuse_onnx("the matrix logarithm needs eigenvalues", "Take a pool without them, such as 'isqrt'")
    return _SpectralFunction.apply(a, "log", 0.0)[0]


def log_determinant_prox(a: Tensor, penalty: float) -> Tensor:
    """The minimiser P of -log det P + (r/2) ||P - a/r||^2 for symmetric a and penalty r: positive definite."""
    refuse_onnx("the sparse inverse needs eigenvalues", "Take a pool without them, such as 'isqrt'")
    return _SpectralFunction.apply(a, "log-determinant prox", penalty)[0]
