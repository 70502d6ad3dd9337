"""Norms of the gradient, of the whole and of each part of the network, in one pass over it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from covpool.training.distributed.sharding import gathered, own_part

PARTS = {"backbone.": "backbone", "head.pool.": "pool", "head.": "classifier"}


class Gradients:
    """The gradients of a network's parameters; "classifier" is all of the head but its pool."""

    def __init__(self, network: nn.Module) -> None:
        self._parameters = [(part_of(name), parameter) for name, parameter in network.named_parameters()]

    def norms(self) -> tuple[list[str], Tensor] | None:
        """The part and the norm of each gradient that is there; None without any."""
        found = [(part, p.grad) for part, p in self._parameters if p.grad is not None]
        if not found:
            return None
        return [part for part, _ in found], gathered(
            torch.stack(torch._foreach_norm([gradient for _, gradient in found]))
        )

    def squares_are_finite(self) -> bool:
        """Whether the sum of squares of the whole gradient is, in float32; half the work of the norms on a CPU."""
        vectors = (_as_vector(own_part(p.grad)) for _, p in self._parameters if p.grad is not None)
        return sum(torch.dot(vector, vector).item() for vector in vectors) <= torch.finfo(torch.float32).max

    def are_finite(self) -> bool:
        """Whether every number of every gradient is; for once, when a norm is not."""
        return all_finite(p.grad for _, p in self._parameters if p.grad is not None)


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether every number is finite, of shared tensors in this process's slices; whole numbers always are."""
    return all(bool(own_part(t).isfinite().all()) for t in tensors if t.is_floating_point())


def running_statistics(network: nn.Module) -> dict[str, Tensor]:
    """What norms have counted over the batches, by name: training does not read it, evaluation divides by it."""
    return {name: values for name, values in network.named_buffers() if name.rpartition(".")[2].startswith("running_")}


def _as_vector(tensor: Tensor) -> Tensor:
    """Its numbers in the order of memory, without a copy where they are contiguous or channels come last."""
    return (tensor if tensor.is_contiguous() else tensor.movedim(1, -1)).reshape(-1)


def by_part(norms: tuple[list[str], Tensor]) -> dict[str, Tensor]:
    """Norm of the whole gradient and of each part's."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, part in enumerate(norms[0]):
        places[part].append(place)
    values = norms[1]
    return {"total": values.norm(), **{part: values[found].norm() for part, found in places.items()}}


def part_of(name: str) -> str:
    """The part of the network to which the parameter of that name belongs."""
    return next((part for start, part in PARTS.items() if name.startswith(start)), "other")
