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

# Costs on a CPU in units of one n x n product, measured with benchmarks/roots.py on two cores with AVX-512.
PRODUCTS_A_STEP = 9.0  # three forward and five backward, and what is done element by element
EIGENVALUES_TIMES_SIDE = (
    4900.0  # an eigendecomposition of side n takes as long as 4900 / n products: 77 at 64, 25 at 196
)
PRODUCTS_BESIDE_EIGENVALUES = 4.0  # into and out of the coordinates, and the divided differences


def choose_backend(name: str, like: Tensor, side: int, steps: int) -> str:
    """The backend for a batch of ``side`` x ``side`` matrices made from ``like``; ``auto`` is resolved and logged once.

    Tracing (``torch.compile``, ``torch.export``, ONNX) takes the plain form, which is one graph. On an accelerator the
    iteration wins, because eigendecompositions there do not; on a CPU the cost model decides: five steps are iterated
    up to a side of 152, fewer steps further.
    """
    name = backends.resolve(name)
    if name != "auto":
        return name
    if torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export():
        return "plain"
    chosen = "iteration" if like.device.type != "cpu" else _cheapest_on_cpu(side, steps)
    _announce(chosen, side, steps, str(like.device))
    return chosen


def _cheapest_on_cpu(side: int, steps: int) -> str:
    iteration = PRODUCTS_A_STEP * (steps - 1)  # the first step has no products
    spectral = EIGENVALUES_TIMES_SIDE / side + PRODUCTS_BESIDE_EIGENVALUES
    return "iteration" if iteration < spectral else "spectral"


@cache
def _announce(chosen: str, side: int, steps: int, device: str) -> None:
    logger.info("matrix root of %d x %d matrices, %d steps, on %s: backend %r", side, side, steps, device, chosen)
