"""The float32 island: second-order statistics are not computed in half precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import torch
from torch import Tensor, nn

P = ParamSpec("P")

HALF = (torch.float16, torch.bfloat16)


@contextmanager
def no_autocast(device: torch.device) -> Iterator[None]:
    """Switch autocast off for ``device`` inside the block.

    A cast to float32 alone is not enough: inside an autocast region the products of a Newton-Schulz iteration
    go back to bfloat16, with a relative error near 5e-3 although the result prints as float32.
    """
    if torch.amp.is_autocast_available(device.type):
        with torch.autocast(device.type, enabled=False):
            yield
    else:
        yield


def widen(value: Any) -> Any:
    """Half-precision tensors as float32; everything else unchanged."""
    return value.float() if isinstance(value, Tensor) and value.dtype in HALF else value


def in_float32(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Decorator: compute in float32 where the first tensor is half, outside autocast; return its dtype."""

    @wraps(function)
    def island(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        first = next(value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        if not first.is_floating_point():
            raise ValueError(f"{function.__name__}() needs real numbers; got {first.dtype}. Call .float() first")
        with no_autocast(first.device):
            wide = {name: widen(value) for name, value in kwargs.items()}
            result = function(*map(widen, args), **wide)
        return result.to(first.dtype)

    return island


def as_parameters(module: nn.Module, x: Tensor) -> Tensor:
    """``x`` in the dtype of the module's parameters where they are half; else ``x``."""
    dtype = next(module.parameters(), x).dtype
    return x.to(dtype) if dtype in HALF else x
