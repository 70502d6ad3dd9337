"""Look at what named submodules put out, without changing the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from covpool.registry import unknown


@contextmanager
def observe(network: nn.Module, *names: str) -> Iterator[dict[str, Any]]:
    """Collect the last output of each submodule named in ``names`` while the block runs.

    Tensors keep their graph: a loss may use them.

    Raises:
        ValueError: the network has no submodule of that name; the nearest one is offered.

    Example:
        >>> import torch
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> with observe(network, "0") as seen:
        ...     _ = network(torch.zeros(1, 2))
        >>> tuple(seen["0"].shape)
        (1, 3)
    """
    modules = dict(network.named_modules())
    missing = [name for name in names if name not in modules]
    if missing:
        raise ValueError("; ".join(unknown("submodule", name, filter(None, modules)) for name in missing))
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        return lambda module, inputs, output: seen.__setitem__(name, output)

    handles = [modules[name].register_forward_hook(keep(name)) for name in names]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
