"""Slots that, next to each other, are one function: the same values at a fraction of the cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from covpool import functional
from covpool.pooling.describe import Covariance
from covpool.pooling.normalize import MatrixSqrt
from covpool.pooling.vectorize import Triangle


def fused_function(
    describe: nn.Module, normalize: nn.Module, vectorize: nn.Module
) -> Callable[[Tensor], Tensor] | None:
    """The function (B, C, N) -> (B, D) that these three slots amount to, or None where there is none."""
    kinds = (type(describe), type(normalize), type(vectorize))
    if kinds != (Covariance, MatrixSqrt, Triangle):
        return None
    assert isinstance(describe, Covariance)
    assert isinstance(normalize, MatrixSqrt)
    if not describe.center or normalize.method != "newton-schulz":
        return None
    return partial(functional.isqrt_covariance, steps=normalize.steps, backend=normalize.backend, ridge=describe.ridge)


def is_watched(module: nn.Module) -> bool:
    """Whether a hook waits for the module to run, as that of ``covpool.observe`` does."""
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)
