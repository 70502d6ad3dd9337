"""What happens inside the head: the spectrum of the statistic it pools, and which candidates its gate uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from covpool.evaluation.predict import evaluating, precision_context
from covpool.functional.spectrum.rank import effective_rank, shares
from covpool.observe import observe
from covpool.recipes import Recipe

PICTURES = 16
_STATISTICS = ("head.pool.describe", "head.pool.pool.describe")  # of a pool, of the pool of a mixture
_GATE = "head.pool.gate"


@dataclass(frozen=True)
class Sight:
    """What was seen: ``facts`` for an event, ``histograms`` by name."""

    facts: dict[str, Any] = field(default_factory=dict)
    histograms: dict[str, Tensor] = field(default_factory=dict)


@torch.no_grad()
def look_inside(network: nn.Module, images: Tensor, recipe: Recipe) -> Sight:
    """Observe the head of ``network`` on the same ``images`` again and again; the network is left as it was.

    Of a pool with a statistic: its effective rank (mean over the pictures), the share of the largest eigenvalue, and
    all eigenvalues (singular values, where it is no covariance). Of a mixture: how often each candidate is used.
    """
    names = {name for name, _ in network.named_modules()}
    chosen = [name for name in (*_STATISTICS, _GATE) if name in names]
    if not chosen:
        return Sight()
    with evaluating(network), precision_context(recipe.precision, images.device), observe(network, *chosen) as seen:
        network(images)
    facts: dict[str, Any] = {}
    histograms: dict[str, Tensor] = {}
    values = next((_spectrum(seen[name]) for name in _STATISTICS if name in seen), None)
    if values is not None:
        rank, largest = effective_rank(values).mean().item(), shares(values)[:, 0].mean().item()
        facts["spectrum"] = {"effective_rank": rank, "largest_share": largest}
        histograms["spectrum/log10_eigenvalues"] = values.clamp_min(1e-12).log10().flatten().cpu()
    if _GATE in seen:
        facts["gate_use"] = (seen[_GATE] > 0).float().mean(dim=0).tolist()
        histograms["gate/weights"] = seen[_GATE].float().flatten().cpu()
    return Sight(facts, histograms)


def _spectrum(statistic: Tensor) -> Tensor | None:
    """(B, ..., C, C') -> singular values (B', min(C, C')), largest first; None of vectors and of no numbers."""
    if statistic.ndim < 3 or not bool(statistic.isfinite().all()):
        return None
    return torch.linalg.svdvals(statistic.double().flatten(0, -3))
