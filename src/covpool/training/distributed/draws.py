"""The random numbers of a gate, of which each picture has its own, as one process would draw them for all pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from covpool.pooling.mixture import Gate
from covpool.training.distributed.replaced_calls import replace_calls


def share_draws(network: nn.Module) -> None:
    """From now on the gates of ``network`` draw the noise and the ties of all pictures of a step as one process does.

    The first process draws, with its own generator, and each takes the rows of its own pictures. A step of two
    processes is then a step of one, and the balance loss that looks at the gate has the same pictures chosen.
    """
    gates = (module for module in network.modules() if isinstance(module, Gate))
    replace_calls(gates, {draw: partial(_rows_of_all, draw) for draw in (torch.rand, torch.randn)})


def _rows_of_all(draw: Callable[..., Tensor], *shape: Any, **options: Any) -> Tensor:
    """What ``draw`` gives the rows of all processes at the first one; of it the own rows."""
    own, *others = shape[0] if isinstance(shape[0], tuple) else shape
    count = torch.tensor([own], device=options.get("device"))
    found = [torch.empty_like(count) for _ in range(dist.get_world_size())]
    dist.all_gather(found, count)
    counts, rank = [int(each) for each in found], dist.get_rank()
    size = (sum(counts), *others)
    # the others' generators stay where they are: theirs are no part of this draw
    drawn = draw(*size, **options) if rank == 0 else torch.empty(size, dtype=options["dtype"], device=count.device)
    dist.broadcast(drawn, src=0)
    begin = sum(counts[:rank])
    return drawn[begin : begin + own]
