"""The loss around the weights along random directions that are scaled filter by filter: a picture of flatness."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from covpool.analysis.objective import NotFinite, Objective


def filter_normalised(objective: Objective, seed: int) -> Tensor:
    r"""A random direction in which each filter is as long as the filter of the weights, :math:`d_f |w_f| / |d_f|`.

    A filter is what makes one output channel: an entry of the first axis of a parameter with two axes or more.
    Parameters with one axis (biases, batch norms) stay where they are, as in the published pictures. So two networks
    that compute the same with weights of other scales get the same picture.
    Source: Li et al., NeurIPS 2018, section 4.
    """
    draws = torch.Generator().manual_seed(seed)
    parts = []
    for weight in objective.tensors(objective.start):
        drawn = torch.randn(weight.shape, generator=draws, dtype=torch.float64).to(weight)
        if weight.dim() < 2:
            parts.append(torch.zeros_like(weight).flatten())
            continue
        own, length = (tensor.flatten(1).norm(dim=1) for tensor in (weight, drawn))
        scale = (own / length).view(-1, *[1] * (weight.dim() - 1))
        parts.append((drawn * scale).flatten())
    return torch.cat(parts)


def line(objective: Objective, *, reach: float = 1.0, points: int = 21, seed: int = 0) -> dict[str, Any]:
    """Losses at w + a d for ``points`` values a from -reach to reach; d is ``filter_normalised``."""
    steps, direction = _steps(reach, points), filter_normalised(objective, seed)
    losses = [_at(objective, objective.start + a * direction, f"{a:g}") for a in steps]
    return {"steps": steps, "losses": losses, "seed": seed}


def plane(objective: Objective, *, reach: float = 1.0, points: int = 11, seed: int = 0) -> dict[str, Any]:
    """Losses at w + a d + b e on a square of ``points`` by ``points``: row a, column b.

    d is the direction of ``line`` and e, from the next seed, another one; in so many dimensions they are
    nearly orthogonal.
    """
    steps = _steps(reach, points)
    first, second = filter_normalised(objective, seed), filter_normalised(objective, seed + 1)
    losses = [
        [_at(objective, objective.start + a * first + b * second, f"({a:g}, {b:g})") for b in steps] for a in steps
    ]
    return {"steps": steps, "losses": losses, "seed": seed}


def _steps(reach: float, points: int) -> list[float]:
    if points < 3 or not points % 2 or not reach > 0:
        raise ValueError(f"a slice needs a reach above 0 and an odd number of points, 3 or more; got {reach}, {points}")
    half = points // 2
    return [reach * k / half for k in range(-half, half + 1)]  # the middle is exactly 0


def _at(objective: Objective, point: Tensor, where: str) -> float:
    try:
        return objective.value(point)
    except NotFinite as error:
        raise NotFinite(f"at {where} of a slice: {error}; take a smaller reach") from error
