"""What a training will cost, before it begins: operations, parameters by part, memory (estimated)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from covpool.evaluation.flops import forward_flops
from covpool.evaluation.predict import evaluating, precision_context
from covpool.training.loop.gradients import part_of
from covpool.training.loop.session import Session
from covpool.training.run import isolated_generators

# numbers that an optimizer keeps for each weight; two (Adam and its kin) where it is not listed
_KEPT = {"sgd": 1, "momentum": 1, "nesterov": 1, "rmsprop": 1, "lars": 1, "lion": 1, "sgdw": 1, "sgdp": 1}


def outlook(session: Session) -> dict[str, Any]:
    """FLOPs of one picture forward, parameters by part, and bytes of a step: weights and activations, estimated."""
    network, recipe = session.alone(session.network), session.recipe
    holders = 1 if session.mesh is None else session.ranks.size
    parts: dict[str, int] = defaultdict(int)
    for name, parameter in network.named_parameters():
        parts[part_of(name)] += parameter.numel()
    with isolated_generators():
        picture = _picture(session.parts.preprocessing.image_size, session.fabric.device)
        flops = forward_flops(network, picture)
        activations = saved_bytes(network, picture, recipe.precision) * (recipe.loader.batch_size // session.ranks.size)
    return {
        "parameters_by_part": dict(parts),
        "flops": flops,
        "estimated_bytes": state_bytes(network, recipe.optimizer.name, recipe.ema is not None) // holders + activations,
    }


def state_bytes(network: nn.Module, optimizer: str, averaged: bool) -> int:
    """Weights, their gradients, what the optimizer keeps of them, and their average."""
    copies = 2 + _KEPT.get(optimizer.lower().removeprefix("lookahead_"), 2) + averaged
    return copies * sum(p.numel() * p.element_size() for p in network.parameters())


def saved_bytes(network: nn.Module, images: Tensor, precision: Any) -> int:
    """Bytes that a forward pass keeps for the backward pass, each storage once, the parameters left out.

    Example:
        >>> saved_bytes(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)), torch.zeros(5, 3), "32-true")
        140
    """
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # the tensor itself would hold the step that holds it, for ever

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with evaluating(network), precision_context(precision, images.device), hooks:
        answer = network(images)  # held until the count is made: a storage that is freed would be counted again
    del answer
    return sum(kept.values())


def _picture(side: int, device: torch.device) -> Tensor:
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)
