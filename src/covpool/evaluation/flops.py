"""Floating-point operations of a forward pass, with formulas for what torch's counter leaves out."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from covpool.evaluation.predict import evaluating


def eigh_flops(shape: torch.Size, *rest: Any, out_shape: Any = None, **options: Any) -> int:
    """Symmetric eigenproblem (..., n, n) with eigenvectors: 9 n^3.

    Without vectors 4/3 n^3 would do, but under a counter torch computes them for ``eigvalsh`` too.
    Source: Golub and Van Loan, Matrix Computations, 3rd ed., section 8.3 (tridiagonal QR).
    """
    *batch, n, _ = shape
    return prod(batch) * 9 * n**3


def svd_flops(shape: torch.Size, *rest: Any, out_shape: Any = None, **options: Any) -> int:
    """Thin singular value decomposition (..., m, n), m >= n, with vectors: 14 m n^2 + 8 n^3.

    Source: Golub and Van Loan, Matrix Computations, 3rd ed., section 5.4.5 (Golub-Reinsch).
    """
    *batch, rows, columns = shape
    m, n = max(rows, columns), min(rows, columns)
    return prod(batch) * (14 * m * n**2 + 8 * n**3)


def attention_flops(query: torch.Size, key: torch.Size, value: torch.Size, *rest: Any, **options: Any) -> int:
    """Scaled dot-product attention: the two matrix products, as torch counts it on accelerators."""
    *batch, queries, width = query
    keys, value_width = key[-2], value[-1]
    return 2 * prod(batch) * queries * keys * (width + value_width)


_aten = torch.ops.aten
MISSING_IN_TORCH = {
    _aten._linalg_eigh: eigh_flops,
    _aten._linalg_svd: svd_flops,
    _aten._scaled_dot_product_flash_attention_for_cpu: attention_flops,
}


@torch.no_grad()
def forward_flops(network: nn.Module, x: Tensor) -> int:
    """Operations of ``network(x)`` in eval mode; a multiplication and an addition are two.

    Counted: convolutions, matrix products, attention, eigh, svd. Elementwise work is not counted.
    The formulas for decompositions are operation counts of the textbook algorithms, not of the library's.

    Example:
        >>> forward_flops(nn.Linear(3, 4), torch.zeros(5, 3))
        120
    """
    counter = FlopCounterMode(display=False, custom_mapping=MISSING_IN_TORCH)
    with evaluating(network), counter:
        network(x)
    return counter.get_total_flops()
