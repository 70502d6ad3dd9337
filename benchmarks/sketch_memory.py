"""What memory compact bilinear pooling takes in float32, beside the dense second moment that it sketches.

Counted tensor by tensor, so the same on every machine: parameters, buffers, input and activations at the peak of one
forward pass. ``largest`` is the largest tensor that any operation makes, ``square`` whether one is C x C.
"""

from __future__ import annotations

from typing import Any

import torch
from harness import options, peak_bytes, write
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from covpool.evaluation.memory import forward_peak_bytes
from covpool.pooling import create_pool

BATCH, WIDTH = 4, 8192
SHAPES = [(256, 7), (512, 7), (512, 14), (2048, 7)]


class Results(TorchDispatchMode):
    """Notes the shape and size of everything that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[tuple[int, ...], int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        leaves = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        self.made += [(tuple(leaf.shape), leaf.numel() * leaf.element_size()) for leaf in leaves]
        return out


def main() -> None:
    """Count all rows and write results/sketch_memory.json."""
    given = options(__doc__ or "")
    shapes, width = ([(12, 2)], 16) if given.smoke else (SHAPES, WIDTH)
    rows = [measure(name, channels, side, width) for channels, side in shapes for name in ("cbp", "bilinear")]
    for row in rows:
        print(row)
    if not given.smoke:
        print(write("sketch_memory", rows, batch=BATCH, width=width, dtype="float32"))


def measure(name: str, channels: int, side: int, width: int) -> dict[str, Any]:
    """One row: peaks in 10^6 bytes, and what the pool makes on the way."""
    pool = create_pool(name, channels, **({"width": width} if name == "cbp" else {})).eval()
    x = torch.rand(BATCH, channels, side, side, generator=torch.Generator().manual_seed(0))
    with Results() as results, torch.no_grad():
        pool(x)
    upstream = torch.ones(BATCH, pool.out_features)
    return {
        "pool": name,
        "channels": channels,
        "side": side,
        "features": pool.out_features,
        "forward_mb": _mb(forward_peak_bytes(pool, x)),
        "training_mb": _mb(peak_bytes(pool, x, upstream)),
        "largest_mb": _mb(max(size for _, size in results.made)),
        "square": any(shape[-2:] == (channels, channels) for shape, _ in results.made),
    }


def _mb(size: int) -> float:
    return round(size / 1e6, 3)


if __name__ == "__main__":
    main()
