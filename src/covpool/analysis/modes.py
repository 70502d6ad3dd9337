"""In which state a network is measured, so that its loss is a function of weights and pictures alone."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from covpool.registry import Registry

Batch = tuple[Tensor, Tensor]

modes = Registry[str]("mode of measuring")
modes.register("training", "batch norm by the batch, dropout on with fixed masks: what an optimizer meets")
modes.register("batch-statistics", "batch norm by the batch, no dropout")
modes.register("evaluation", "batch norm by the running statistics of the network, no dropout")
modes.register("calibrated", "batch norm by statistics of these very batches, measured once and frozen; no dropout")


def measured_copy(network: nn.Module, mode: str, dtype: torch.dtype) -> nn.Module:
    """A copy of ``network`` in ``dtype`` and in the state ``mode``; ``calibrated`` still wants ``calibrate``.

    Matrix roots take their plain form: the fast ones have a first derivative only.
    """
    mode = modes.resolve(mode)
    copied = copy.deepcopy(network).to(dtype=dtype).requires_grad_(True)
    copied.train(mode == "training")
    for module in copied.modules():
        if isinstance(module, _BatchNorm) and mode == "batch-statistics":
            module.train()
        if isinstance(getattr(module, "backend", None), str):
            setattr(module, "backend", "plain")  # noqa: B010 (a module's attribute has no type)
    return copied


@torch.no_grad()
def calibrate(network: nn.Module, batches: Iterable[Batch]) -> None:
    """Set the running statistics of batch norm to the mean over ``batches`` of each batch's statistics, in place.

    The statistics of a trained network are an average over the last steps of training, and those of a fresh network
    belong to no data at all; frozen at the data's own, an example's loss no longer depends on its neighbours.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    momenta = [module.momentum for module in norms]
    for module in norms:
        module.reset_running_stats()
        module.momentum = None
        module.train()
    for images, _ in batches:
        network(images)
    for module, momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum
        module.eval()


@contextmanager
def fixed_draws(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers inside the block come from ``seed``; outside, the generators go on as if it had not been."""
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=devices, device_type=device.type if devices else "cuda"):
        torch.manual_seed(seed)
        yield
