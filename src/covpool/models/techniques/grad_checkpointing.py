"""Gradient checkpointing on any backbone: maps inside a block are computed again in the backward pass."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from covpool.models.techniques.body import Body, Norm2d

_FEWEST = 4  # layers in a row of which segments are worth their second pass
_NOT_OFFERED = (AttributeError, AssertionError, NotImplementedError, TypeError, ValueError)  # timm's ways to say so


def checkpoint_blocks(body: Body) -> None:
    """Let each residual block of a backbone, or each segment of its longest sequence, keep only its input.

    Where timm's ``set_grad_checkpointing`` is offered it decides which parts. The second pass draws the same random
    numbers and leaves the running statistics of batch norms as they are (timm's alone would count each batch twice),
    so that training gives the same numbers with and without.

    Raises:
        ValueError: a backbone without blocks.
    """
    try:
        body.backbone.set_grad_checkpointing(True)  # type: ignore[operator]
    except _NOT_OFFERED:
        _wrap(body)
    for norm in body.backbone.modules():
        if isinstance(norm, Norm2d):
            norm.register_forward_pre_hook(_still)
            norm.register_forward_hook(_moving, always_call=True)  # a second pass ends by an exception, once it has all


def leave_blocks(backbone: nn.Module) -> None:
    """Undo ``checkpoint_blocks``."""
    for module in backbone.modules():
        if isinstance(module.__dict__.get("forward"), partial):
            del module.forward
    with suppress(*_NOT_OFFERED):
        backbone.set_grad_checkpointing(False)  # type: ignore[operator]


def _wrap(body: Body) -> None:
    blocks = _outermost({each.block for each in body.residuals if each.block})
    for path in blocks:
        block: Any = body.module(path)
        block.forward = partial(_recomputed, block.forward, block)
    if blocks:
        return
    layers: Any = max(body.modules(nn.Sequential).values(), key=len, default=())
    if len(layers) < _FEWEST:
        raise ValueError(f"grad_checkpointing needs a backbone of blocks; {body.name} has none. Leave it out")
    layers.forward = partial(_in_segments, layers)


def _in_segments(layers: nn.Sequential, x: Tensor) -> Tensor:
    """The layers one after the other, in as many segments as a segment has layers (Chen et al. 2016)."""
    if layers.training and torch.is_grad_enabled():
        return checkpoint_sequential(layers, isqrt(len(layers)), x, use_reentrant=False)
    for layer in layers:
        x = layer(x)
    return x


def _recomputed(forward: Any, block: nn.Module, *inputs: Any, **options: Any) -> Any:
    if not (block.training and torch.is_grad_enabled()):
        return forward(*inputs, **options)
    return checkpoint(forward, *inputs, use_reentrant=False, **options)


def _outermost(paths: set[str]) -> list[str]:
    return sorted(path for path in paths if not any(path.startswith(f"{other}.") for other in paths))


def _still(norm: Any, inputs: tuple[Tensor, ...]) -> None:
    """In a backward pass: let the statistics stand."""
    if norm.training and torch._C._current_graph_task_id() != -1:
        norm.__dict__["_held"] = norm.momentum, _count(norm)
        norm.momentum = 0.0


def _moving(norm: Any, inputs: tuple[Tensor, ...], output: Tensor | None) -> None:
    held = norm.__dict__.pop("_held", None)
    if held is not None:
        norm.momentum, count = held
        if count is not None:
            norm.num_batches_tracked.copy_(count)


def _count(norm: nn.Module) -> Tensor | None:
    tracked = norm.num_batches_tracked
    return tracked.clone() if isinstance(tracked, Tensor) else None
