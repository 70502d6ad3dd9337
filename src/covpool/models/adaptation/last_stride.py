"""Keep the last feature map twice as large, as the published covariance-pooling networks do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Run = Callable[[], Tensor]  # runs the backbone on fixed images and gives its map (B, C, H, W)


def keep_last_resolution(backbone: nn.Module, run: Run) -> None:
    """Set the modules that make the last halving of the resolution to stride 1, without dilation.

    They are found by running the backbone: every module of stride 2 that takes a map of twice the final height and
    gives one of the final height, be it a convolution of the main path, one of a shortcut, or a pool. A pool of an
    even window, the average pool of a ResNet-D shortcut for one, would shift the map by half a pixel and is taken
    out. A backbone whose branches meet at that height too, which running it cannot tell, has a method of this name.

    Raises:
        ValueError: there is no such module, or the map does not double when they are changed.
    """
    own: Callable[[], None] | None = getattr(backbone, "keep_last_resolution", None)
    if own is not None:
        own()
        return
    with torch.no_grad():
        _keep_last_resolution(backbone, run)


def _keep_last_resolution(backbone: nn.Module, run: Run) -> None:
    name = type(backbone).__name__
    before = run().shape
    found = _last_halving(backbone, run, before[-2])
    if not found:
        raise ValueError(
            f"last_stride=1 needs a backbone whose last stage halves its map; {name} has no such step. "
            "Leave last_stride out, or pass larger images for more positions."
        )
    for path, module in found.items():
        _remove_stride(backbone, path, module)
    after = _shape_or_reason(run)
    if after != (*before[:-2], 2 * before[-2], 2 * before[-1]):
        raise ValueError(
            f"last_stride=1 does not fit {name}: with {', '.join(found)} at stride 1 its map of "
            f"{before[-2]}x{before[-1]} becomes {after}, not twice that. Leave last_stride out, or pass larger images."
        )


def _shape_or_reason(run: Run) -> tuple[int, ...] | str:
    try:
        return tuple(run().shape)
    except (RuntimeError, ValueError, AssertionError) as error:
        return f"an error ({str(error).splitlines()[0]})"


def _last_halving(backbone: nn.Module, run: Run, height: int) -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = {}

    def keep(path: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if _halves(inputs, output, height):
                found[path] = module

        return hook

    strided = {path: m for path, m in backbone.named_modules() if _stride(m) == 2 and not _strided_inside(m)}
    handles = [module.register_forward_hook(keep(path)) for path, module in strided.items()]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return found


def _halves(inputs: tuple[Any, ...], output: Any, height: int) -> bool:
    tensors = [t for t in (*inputs[:1], output) if isinstance(t, Tensor) and t.ndim == 4]
    return len(tensors) == 2 and tensors[1].shape[-2] == height and tensors[0].shape[-2] in (2 * height, 2 * height - 1)


def _stride(module: nn.Module) -> int | None:
    stride = getattr(module, "stride", None)
    if isinstance(stride, tuple | list):
        stride = stride[0] if len(set(stride)) == 1 else None
    return stride if isinstance(stride, int) else None


def _strided_inside(module: nn.Module) -> bool:
    return any(_stride(child) == 2 for child in module.modules() if child is not module)


def _remove_stride(backbone: nn.Module, path: str, module: nn.Module) -> None:
    kernel = getattr(module, "kernel_size", None)
    window = kernel[0] if isinstance(kernel, tuple) else kernel
    if not isinstance(module, nn.Conv2d) and isinstance(window, int) and window % 2 == 0:
        owner, _, leaf = path.rpartition(".")
        setattr(backbone.get_submodule(owner), leaf, nn.Identity())
        return
    module.stride = (1, 1) if isinstance(module.stride, tuple | list) else 1  # type: ignore[assignment]
