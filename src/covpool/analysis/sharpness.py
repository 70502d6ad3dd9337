"""How much the loss rises in a ball around the weights."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from covpool.analysis.objective import NotFinite, Objective

RADIUS = 0.05  # the rho that Foret et al. use for CIFAR and ImageNet


def sharpness(objective: Objective, radius: float = RADIUS) -> dict[str, Any]:
    r"""SAM's estimates of :math:`\max_{|e| \le \rho} L(w + e) - L(w)`, from one step to the rim of the ball.

    ``one_step``: :math:`e = \rho\,\nabla L / |\nabla L|` of the loss over all batches. ``m_sharpness``: the same for
    each batch alone with its own e, weighted by its examples; m is the size of a batch. Both are lower bounds of the
    maximum and may be negative.
    Source: Foret et al., ICLR 2021, eq. (2) and section 4.1.

    Raises:
        ValueError: a radius that is not positive.
        NotFinite: the loss on the rim is no number.
    """
    if not radius > 0:
        raise ValueError(f"sharpness() needs a radius above 0; got {radius}")
    start = objective.start
    loss, gradient = objective.gradient(start)
    rises, sizes = [], []
    for index, (_, labels) in enumerate(objective.batches):
        before, own = objective.batch_gradient(index, start)
        rises.append(_rim(objective, own, radius, index) - before)
        sizes.append(len(labels))
    return {
        "radius": radius,
        "loss": loss,
        "one_step": _rim(objective, gradient, radius) - loss,
        "m_sharpness": sum(r * n for r, n in zip(rises, sizes, strict=True)) / sum(sizes),
        "m": max(sizes),
    }


def _rim(objective: Objective, gradient: Tensor, radius: float, batch: int | None = None) -> float:
    """The loss (of one batch) where the gradient leaves the ball; at the centre where there is no gradient."""
    norm = float(gradient.norm())
    point = objective.start + (radius / norm if norm else 0.0) * gradient
    try:
        return objective.value(point) if batch is None else objective.batch_value(batch, point)
    except NotFinite as error:
        raise NotFinite(f"at the rim of a ball of radius {radius:g}: {error}") from error
