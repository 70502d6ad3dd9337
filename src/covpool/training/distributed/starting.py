"""From what torchrun or SLURM put into the environment to the options of Fabric."""

from __future__ import annotations

import os
from inspect import signature
from typing import Any

from lightning_fabric.plugins.environments import ClusterEnvironment, SLURMEnvironment, TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy
from torch.nn.parallel import DistributedDataParallel

from covpool.training.distributed.ranks import PATIENCE
from covpool.training.distributed.sharding import Sharding

_BUFFERS = "forward_sync_buffers"  # its name in newer releases of torch


def started_processes() -> int:
    """How many processes torchrun or srun has started for this training; 1 where nobody has."""
    if _by_torchrun():
        return int(os.environ["WORLD_SIZE"])
    return int(os.environ["SLURM_NTASKS"]) if _by_srun() else 1


def fabric_options(strategy: str = "ddp", *, has_frozen_parts: bool) -> dict[str, Any]:
    """What Fabric is told about the processes that were started.

    Batch norms are ours (``synchronize_batch_norms``), so buffers need not be sent around.

    Args:
        strategy: "ddp": every process has all parameters, gradients are summed while the backward runs; "fsdp": see
            ``Sharding``.
        has_frozen_parts: whether parameters may be without a gradient, which DDP then has to look for at each step.
    """
    environment: ClusterEnvironment
    if _by_torchrun():
        size, here = int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"]))
        environment = TorchElasticEnvironment()
    else:
        size, here = int(os.environ["SLURM_NTASKS"]), int(os.environ["SLURM_NTASKS"]) // _slurm_nodes()
        environment = SLURMEnvironment(auto_requeue=False)
    shared: dict[str, Any] = {"devices": here, "num_nodes": size // here, "plugins": [environment]}
    if strategy == "fsdp":
        return {"strategy": Sharding(size), **shared}
    buffers = _BUFFERS if _BUFFERS in signature(DistributedDataParallel.__init__).parameters else "broadcast_buffers"
    options: dict[str, Any] = {"find_unused_parameters": has_frozen_parts, buffers: False}
    return {"strategy": DDPStrategy(timeout=PATIENCE, **options), **shared}


def _by_torchrun() -> bool:
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= set(os.environ)


def _by_srun() -> bool:
    """In a step of a job; a shell in an allocation has no step."""
    return {"SLURM_NTASKS", "SLURM_PROCID", "SLURM_STEP_ID", "SLURM_LOCALID"} <= set(os.environ)


def _slurm_nodes() -> int:
    return int(os.environ.get("SLURM_STEP_NUM_NODES", os.environ.get("SLURM_NNODES", "1")))
