"""Where a network looked and which pairs of channels decided, for one picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from covpool.evaluation.explain.contributions import Contributions, contributions
from covpool.evaluation.explain.descriptors import ScaledHead
from covpool.evaluation.explain.pairs import Pair, channel_pairs
from covpool.evaluation.predict import evaluating
from covpool.models.network import Network


@dataclass(frozen=True)
class Explanation:
    """The contributions to one class score of one picture.

    Attributes:
        target: index of the class.
        logits: (K,), all scores.
        grid: (h, w), how the positions stand in the picture.
        found: contributions, their rule and their error.
        pairs: the pairs of channels that decide, largest first; empty for pools without such pairs.
        holds_norms: an l2 norm in the pool was held at its value for this picture.
        is_centered: deviations are from the mean descriptor; else the descriptors themselves.
    """

    target: int
    logits: Tensor
    grid: tuple[int, int]
    found: Contributions
    pairs: list[Pair]
    holds_norms: bool
    is_centered: bool

    @property
    def map(self) -> Tensor:
        """(h, w): what each position adds to the score."""
        return self.found.positions.reshape(self.grid)


def explain(network: Network, image: Tensor, target: int | None = None, *, pairs: int = 6) -> Explanation:
    """What each position of the map, and each pair of channels, adds to a class score.

    Exact, not estimated: see ``covpool.evaluation.explain.contributions`` for the formula, and ``Explanation.found``
    for its rule and its error. What happens before the pooled descriptors (the receptive field of a position) is not
    taken apart.

    Args:
        network: in evaluation mode meanwhile.
        image: (3, S, S) or (1, 3, S, S), prepared as in the network's training.
        target: index of the class; None takes the one of the highest score.
        pairs: how many pairs of channels are listed.

    Raises:
        ValueError: several pictures, no such class, or tokens that make no grid of the picture's shape.

    Example:
        >>> from covpool.models import create_network
        >>> network = create_network("conv4", "isqrt", num_classes=3, reduce_to=8)
        >>> found = explain(network, torch.rand(3, 32, 32))
        >>> abs(found.map.sum() - (found.found.score - found.found.constant)).item() < 1e-4
        True
    """
    images = image if image.dim() == 4 else image.unsqueeze(0)
    if len(images) != 1:
        raise ValueError(f"explain() needs one picture, (3, S, S); got {tuple(image.shape)}. Call it for each")
    with evaluating(network), torch.no_grad():
        features = network.features(images)
        logits = network.forward_head(features)[0].float()
    if target is not None and not 0 <= target < len(logits):
        raise ValueError(f"the network has the classes 0 to {len(logits) - 1}; got {target}")
    target = int(logits.argmax()) if target is None else target
    with evaluating(network):
        head = ScaledHead(network.head, features.map, features.summary, target)
        found = contributions(head)
        decisive = channel_pairs(head, found, pairs)
    grid = _grid(features.map, len(found.positions), images)
    return Explanation(target, logits, grid, found, decisive, head.holds_norms, head.is_centered)


def _grid(map: Tensor, positions: int, images: Tensor) -> tuple[int, int]:
    """Rows and columns of the positions; those of tokens (B, C, N, 1) follow from the picture's shape."""
    rows, columns = map.shape[2:]
    if rows * columns == positions and columns > 1:
        return rows, columns
    ratio = images.shape[-2] / images.shape[-1]
    fitting = [(h, positions // h) for h in range(1, positions + 1) if positions % h == 0]
    best = min(fitting, key=lambda grid: abs(grid[0] / grid[1] - ratio))
    if not 0.5 <= best[0] / best[1] / ratio <= 2:
        raise ValueError(f"explain() needs positions that make a grid; got {positions} tokens, which make none")
    return best
