"""How the processes of a training find each other, also where others of the same places came before them."""

from __future__ import annotations

import os
import time
from uuid import uuid4

import torch.distributed as dist
from lightning_fabric.plugins.environments import ClusterEnvironment
from torch.distributed.rendezvous import rendezvous

from covpool.training.distributed.ranks import AT_THE_START, PATIENCE


def meet(environment: ClusterEnvironment, device: str) -> None:
    """Make torch's group of all processes, unless there is one.

    torchrun keeps one store through its restarts (seen with torch 2.14), in which the addresses of the processes that
    are gone still stand; so each meeting has a name of its own there, by which nobody finds them.
    """
    if dist.is_initialized():
        return
    rank, size = environment.global_rank(), environment.world_size()
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = environment.main_address, str(environment.main_port)
    store, _, _ = next(iter(rendezvous("env://", rank, size, timeout=AT_THE_START)))
    own = dist.PrefixStore(agree_on_name(store, rank, size), store)
    backend = "nccl" if device == "cuda" else "gloo"
    dist.init_process_group(backend, store=own, rank=rank, world_size=size, timeout=PATIENCE)


def agree_on_name(store: dist.Store, rank: int, size: int) -> str:
    """A name that all processes of this meeting know, and none of an earlier one.

    Each asks under a token of its own. The first answers every token that it finds, those of the gone too, which
    nobody reads; it has met everybody when all have taken its name.
    """
    token = uuid4().hex
    if rank:
        store.set(f"ask/{rank}", token)
        name = store.get(f"answer/{token}").decode()  # waits for it
        store.set(f"taken/{name}/{rank}", "")
        return name
    begun = time.monotonic()
    while not all(store.check([f"taken/{token}/{other}"]) for other in range(1, size)):
        for other in range(1, size):
            if store.check([f"ask/{other}"]):
                store.set(f"answer/{store.get(f'ask/{other}').decode()}", token)
        if time.monotonic() - begun > AT_THE_START.total_seconds():
            raise RuntimeError(f"not all {size} processes of the training came within {AT_THE_START}")
        time.sleep(0.02)
    return token
