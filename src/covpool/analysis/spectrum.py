"""The spectrum of the covariance that a second-order pool sees, and how many directions it really uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from covpool.functional import covariance
from covpool.functional.spectrum.rank import effective_rank, shares

if TYPE_CHECKING:
    from covpool.analysis.objective import Objective

_REDUCE = "head.pool.reduce"


def spectrum(maps: Tensor) -> Tensor:
    """Eigenvalues of each map's covariance of positions, largest first.

    Shape: (B, C, H, W) -> (B, C). Dtype: float64, since the small ones matter.

    Example:
        >>> maps = torch.tensor([[1.0, -1.0], [0.0, 0.0]]).reshape(1, 2, 2, 1)
        >>> spectrum(maps).tolist()
        [[1.0, 0.0]]
    """
    values = torch.linalg.eigvalsh(covariance(maps.flatten(2).double()))
    return values.clamp_min(0).flip(-1)


@torch.no_grad()
def network_spectra(objective: Objective) -> dict[str, Any]:
    """The spectra of the maps of a ``Network`` over the batches of ``objective``, in its mode, for JSON.

    ``features``: of the backbone's map. ``pooled``: of what the statistic of the pool is made from, after its
    reduction; None where there is no reduction. Each: mean over the images of the eigenvalues' shares of their sum,
    largest first, of the effective rank, and of the share of the largest.
    """
    network = objective.network
    reduction = dict(network.named_modules()).get(_REDUCE)
    reduction = None if isinstance(reduction, nn.Identity) else reduction
    parts: dict[str, list[Tensor]] = {"features": [], "pooled": []}
    for images in objective.images():
        maps = network.forward_features(images)  # type: ignore[operator]
        parts["features"].append(spectrum(maps))
        if reduction is not None:
            parts["pooled"].append(spectrum(reduction(maps)))
    return {name: _summary(torch.cat(found)) if found else None for name, found in parts.items()}


def _summary(eigenvalues: Tensor) -> dict[str, Any]:
    parts = shares(eigenvalues)
    return {
        "channels": eigenvalues.shape[1],
        "shares": parts.mean(0).tolist(),
        "effective_rank": float(effective_rank(eigenvalues).mean()),
        "largest_share": float(parts[:, 0].mean()),
        "trace": float(eigenvalues.sum(-1).mean()),
    }
