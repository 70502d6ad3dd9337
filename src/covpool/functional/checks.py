"""Checks at the border: one sentence that says what was needed, what came and what to do."""

from __future__ import annotations

from torch import Tensor


def need_positions(x: Tensor, least: int, what: str, remedy: str) -> None:
    """ValueError unless ``x`` (..., C, N) holds at least ``least`` positions N."""
    if x.shape[-1] < least:
        raise ValueError(
            f"{what} needs at least {least} positions; got x of shape {tuple(x.shape)} (..., C, N). {remedy}"
        )


def need_square(a: Tensor, what: str) -> None:
    """ValueError unless the last two dimensions of ``a`` are equal."""
    if a.dim() < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"{what} needs square matrices (..., C, C); got shape {tuple(a.shape)}")


def need_steps(steps: int) -> None:
    """ValueError unless ``steps`` is a positive number of iterations."""
    if steps < 1:
        raise ValueError(f"matrix_sqrt() needs steps of at least 1; got {steps}. The published value is 5")
