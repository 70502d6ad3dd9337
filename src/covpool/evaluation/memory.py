"""Peak memory, counted tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from covpool.evaluation.predict import evaluating


class LiveStorages(TorchDispatchMode):
    """Adds up the storages that are alive after each operation inside it, and keeps the largest sum as ``peak``.

    Args:
        known: tensors that are there before, and count.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}
        self._add(known)
        self.peak = self._total()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self._add(leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor))
        self.peak = max(self.peak, self._total())
        return out

    def _add(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            reference = StorageWeakRef(storage)
            self._live[reference.cdata] = (reference, storage.nbytes())

    def _total(self) -> int:
        self._live = {key: pair for key, pair in self._live.items() if not pair[0].expired()}
        return sum(size for _, size in self._live.values())


@torch.no_grad()
def forward_peak_bytes(network: nn.Module, x: Tensor) -> int:
    """Most bytes of tensors alive at once in ``network(x)``: parameters, buffers, input and activations.

    Counted after every operation, so the same on every machine and device; the scratch space inside an
    operation (of a convolution library, say) and the allocator's rounding are not in it.

    Example:
        >>> forward_peak_bytes(nn.Linear(3, 4, bias=False), torch.zeros(5, 3))  # weight, input, output
        188
    """
    counter = LiveStorages([*network.parameters(), *network.buffers(), x])
    with evaluating(network), counter:
        network(x)
    return counter.peak
