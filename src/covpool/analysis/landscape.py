"""How loss and gradient change along the gradient: Lipschitzness, predictiveness, effective smoothness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from covpool.analysis.objective import NotFinite

WithGradient = Callable[[Tensor], tuple[float, Tensor]]

RELEASED_DISTANCES = (0.1, 75.0, 50)  # landscape/ResNet/main.py of GCP_Optimization; MobileNetV2: 0.045, 1.5, 50


@dataclass(frozen=True, kw_only=True)
class Landscape:
    r"""Loss and gradient at points :math:`x_i = x + s\,\delta_i g` with :math:`g = \nabla L(x)` and s = 1 or -1.

    Attributes:
        distances: the step sizes delta_i; loss, gradient_norm: L(x) and |g|.
        losses: L(x_i). gradient_changes: |grad L(x_i) - g|, in the l2 norm of the whole point.
    """

    distances: tuple[float, ...]
    losses: tuple[float, ...]
    gradient_changes: tuple[float, ...]
    loss: float
    gradient_norm: float
    sign: int

    @property
    def loss_range(self) -> tuple[float, float]:
        """Least and largest loss over the distances: the band that shows the Lipschitzness of the loss."""
        return min(self.losses), max(self.losses)

    @property
    def predictiveness(self) -> tuple[float, float]:
        """Least and largest change of the gradient; small: the gradient says much about the way ahead."""
        return min(self.gradient_changes), max(self.gradient_changes)

    @property
    def lipschitz(self) -> float:
        """Largest |L(x_i) - L(x)| / |x_i - x|: a lower bound of the Lipschitz constant along this line."""
        return max(
            abs(v - self.loss) / (d * self.gradient_norm) for v, d in zip(self.losses, self.distances, strict=True)
        )

    @property
    def smoothness(self) -> float:
        """Effective beta-smoothness: the largest |grad L(x_i) - g| / |x_i - x| over the distances."""
        pairs = zip(self.gradient_changes, self.distances, strict=True)
        return max(change / (d * self.gradient_norm) for change, d in pairs)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "loss": self.loss,
            "gradient_norm": self.gradient_norm,
            "sign": self.sign,
            "loss_low": self.loss_range[0],
            "loss_high": self.loss_range[1],
            "loss_range": self.loss_range[1] - self.loss_range[0],
            "lipschitz": self.lipschitz,
            "change_low": self.predictiveness[0],
            "change_high": self.predictiveness[1],
            "smoothness": self.smoothness,
            "distances": list(self.distances),
            "losses": list(self.losses),
            "gradient_changes": list(self.gradient_changes),
        }


def even_distances(low: float, high: float, count: int) -> tuple[float, ...]:
    """``count`` distances from ``low`` to ``high``, evenly spaced, both ends among them.

    Example:
        >>> even_distances(0.0, 1.0, 3)
        (0.0, 0.5, 1.0)
    """
    return tuple(torch.linspace(low, high, count, dtype=torch.float64).tolist())


def along_gradient(
    function: WithGradient, point: Tensor, distances: Sequence[float] | None = None, *, sign: int = 1
) -> Landscape:
    """Walk from ``point`` along the gradient of ``function`` there, one distance after the other.

    Protocol: Santurkar et al., NeurIPS 2018, as in the released loop of Wang et al., CVPR 2020: the gradient is
    taken once, the distances are absolute (not divided by its norm), and norms are over the whole point at once, with
    the gradient of the mean loss.

    Args:
        function: point -> (loss, gradient), such as ``Objective.gradient`` or ``Activations.gradient``.
        distances: None: the 50 between 0.1 and 75 of the released ResNet loop.
        sign: 1 (default) climbs, as the released loop does; -1 descends, as an optimizer does.

    Raises:
        ValueError: no distance, one that is not positive, or a gradient of zero, which has no direction.
        NotFinite: a loss or a gradient on the way is no number.

    Example:
        >>> half = lambda x: (float(x @ x) / 2, x)
        >>> found = along_gradient(half, torch.tensor([3.0, 4.0]), [1.0, 2.0], sign=-1)
        >>> found.losses, found.gradient_changes, found.smoothness
        ((0.0, 12.5), (5.0, 10.0), 1.0)
    """
    distances = even_distances(*RELEASED_DISTANCES) if distances is None else tuple(map(float, distances))
    if not distances or min(distances) <= 0:
        raise ValueError(f"along_gradient() needs distances above 0; got {distances}")
    loss, gradient = function(point)
    norm = float(gradient.norm())
    if norm == 0:
        raise ValueError("the gradient is zero here and gives no direction; measure at another point")
    losses, changes = [], []
    for distance in distances:
        try:
            there, other = function(point + sign * distance * gradient)
        except NotFinite as error:
            raise NotFinite(f"at a distance of {distance:g} along the gradient: {error}") from error
        losses.append(there)
        changes.append(float((other - gradient).norm()))
    return Landscape(
        distances=distances,
        losses=tuple(losses),
        gradient_changes=tuple(changes),
        loss=loss,
        gradient_norm=norm,
        sign=sign,
    )
