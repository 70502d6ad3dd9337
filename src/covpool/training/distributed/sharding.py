"""FSDP2: parameters, their gradients and what the optimizer keeps of them, shared out among all processes.

Each process holds a slice of every parameter (torch's ``DTensor``, cut along its first dimension) and gathers a layer
when it is needed. What is looked at by one process alone (evaluation, the doctor, files) is a whole copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from covpool.training.distributed.ranks import PATIENCE

M = TypeVar("M", bound=nn.Module)

OPTIMIZERS = ("sgd", "momentum", "adam", "adamw", "lamb")
"""Those that were compared with one process; others keep things of which nobody knows how they are to be cut."""


class Sharding(ModelParallelStrategy):
    """Fabric's strategy for FSDP2, over the group in which all have met: its patience is then that of the training."""

    def __init__(self, size: int) -> None:
        super().__init__(shard, data_parallel_size=size, tensor_parallel_size=1, timeout=PATIENCE)
        self._all: DeviceMesh | None = None

    @property
    def device_mesh(self) -> DeviceMesh:
        """All processes in a row."""
        if self._all is None:
            self._all = DeviceMesh.from_group(dist.group.WORLD, self.root_device.type)  # type: ignore[arg-type]
        return self._all


def mesh_of(fabric: Fabric) -> DeviceMesh | None:
    """The processes among which parameters are shared out; None where each has all."""
    return fabric.strategy.device_mesh if isinstance(fabric.strategy, Sharding) else None


def shard(network: M, mesh: DeviceMesh) -> M:
    """Share out the parameters of ``network``, which becomes one that gathers them while it works; returns it."""
    for unit in _units(network):
        fully_shard(unit, mesh=mesh, reshard_after_forward=True)
    # the root too gives back what it gathered, so that between steps every parameter is a slice
    fully_shard(network, mesh=mesh, reshard_after_forward=True)
    return network


def _units(network: nn.Module) -> Iterator[nn.Module]:
    """What is gathered as one: the blocks of the backbone and the classifier; the root takes the rest.

    A unit has to be called, as parts of a chain or a list are; the backbone itself is asked for its map instead.
    """
    roots = {"backbone": getattr(network, "backbone", None), "head": getattr(network, "head", None)}
    classifier = getattr(roots["head"], "classifier", None)
    blocks = () if roots["backbone"] is None else _blocks(roots["backbone"])
    whole = (classifier,) if isinstance(classifier, nn.Linear) else ()
    return (unit for unit in (*blocks, *whole) if any(True for _ in unit.parameters()))


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from child.children()
        else:
            yield from _blocks(child)


def own_part(tensor: Tensor) -> Tensor:
    """The slice of this process, in the same memory; the tensor itself where it is not shared out."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def gathered(tensor: Tensor) -> Tensor:
    """The whole tensor; all processes have to ask for it alike."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def whole(thing: Any, *, keep: bool = True) -> Any:
    """A state with every tensor whole, on the CPU where it was shared out; all processes have to ask for it alike.

    Args:
        keep: whether this process wants it; elsewhere empty tensors stand in its place, so that memory stays free.
    """
    if isinstance(thing, DTensor):
        full = thing.full_tensor()
        return full.cpu() if keep else full.new_empty(0, device="cpu")
    if isinstance(thing, Mapping):
        return {key: whole(value, keep=keep) for key, value in thing.items()}
    if isinstance(thing, list):
        return [whole(value, keep=keep) for value in thing]
    return thing


def skeleton_of(network: M) -> M:
    """A copy without memory for its numbers, of a network that is not shared out yet."""
    return deepcopy(network).to("meta")


@torch.no_grad()
def whole_network(network: nn.Module, skeleton: M, device: torch.device) -> M:
    """A copy of ``network`` as it was before it was shared out, in eval mode, with the numbers it has now."""
    copy: M = deepcopy(skeleton).to_empty(device=device)
    now = dict(chain(network.named_parameters(), network.named_buffers()))
    for name, tensor in chain(copy.named_parameters(), copy.named_buffers()):
        tensor.copy_(gathered(now[name].detach()))
    return copy.eval()


def shared_out(tensor: Any, like: Any) -> Any:
    """``tensor`` cut as ``like`` is, where that one is cut and has its shape; each process takes its slice of it."""
    is_whole = isinstance(tensor, Tensor) and not isinstance(tensor, DTensor)
    if not (isinstance(like, DTensor) and is_whole and tensor.shape == like.shape):
        return tensor
    placed = tensor.to(like.device)
    return distribute_tensor(placed, like.device_mesh, like.placements, src_data_rank=None)


def weights_like(given: Mapping[str, Any], network: nn.Module) -> dict[str, Any]:
    """The state dict ``given``, cut as the parameters of ``network`` are."""
    likes = network.state_dict()
    return {name: shared_out(value, likes.get(name)) for name, value in given.items()}


def optimizer_like(given: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The state dict ``given`` of an optimizer, what it keeps of a parameter cut as the parameter is."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    kept = {
        place: {name: shared_out(value, parameters[place]) for name, value in values.items()}
        for place, values in given["state"].items()
        if place < len(parameters)
    }
    return {**given, "state": kept}
