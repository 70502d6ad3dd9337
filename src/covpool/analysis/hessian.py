"""The flatness of a minimum by its Hessian: largest eigenvalues, trace, density of the spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from covpool.analysis.lanczos import Product, Ritz, lanczos, random_signs, random_start
from covpool.analysis.objective import Objective


@dataclass(frozen=True)
class Estimate:
    """A mean over random probes and its standard error."""

    mean: float
    standard_error: float
    samples: tuple[float, ...]


def top_eigenvalues(product: Product, like: Tensor, count: int = 5, *, steps: int = 40, seed: int = 0) -> Ritz:
    """The ``count`` largest eigenvalues (by value, not by size) that ``steps`` products find, and how sure they are.

    The largest converge first; ``residuals`` says how far each can still be from an eigenvalue.
    """
    found = lanczos(product, random_start(like, seed), steps)
    return Ritz(found.values[:count], found.weights[:count], found.residuals[:count])


def hutchinson_trace(product: Product, like: Tensor, *, samples: int = 10, seed: int = 0) -> Estimate:
    r"""The trace as the mean of :math:`z^\top A z` over vectors z of random signs.

    Signs have the least variance of all such z, :math:`2\sum_{i \ne j} A_{ij}^2`: none for a diagonal matrix.
    The standard error is that of the mean over the samples.
    Source: Hutchinson 1990.

    Raises:
        ValueError: fewer than 2 samples, which have no standard error.

    Example:
        >>> matrix = torch.diag(torch.tensor([1.0, 2.0]))
        >>> hutchinson_trace(lambda v: matrix @ v, torch.zeros(2), samples=2)
        Estimate(mean=3.0, standard_error=0.0, samples=(3.0, 3.0))
    """
    if samples < 2:
        raise ValueError(f"hutchinson_trace() needs at least 2 samples for a standard error; got {samples}")
    values = []
    for sample in range(samples):
        z = random_signs(like, seed + sample)
        values.append(float(z @ product(z)))
    found = torch.tensor(values, dtype=torch.float64)
    return Estimate(float(found.mean()), float(found.std() / samples**0.5), tuple(values))


def spectral_density(
    product: Product, like: Tensor, *, steps: int = 40, probes: int = 3, seed: int = 0, points: int = 201
) -> dict[str, Any]:
    r"""The density of the eigenvalues by stochastic Lanczos quadrature.

    Each probe's Ritz values and weights are a Gauss quadrature of the density; their mean is drawn with a normal
    curve of 1/50 of the range around each value, on ``points`` values. The density integrates to 1.
    Source: Ghorbani et al., ICML 2019.
    """
    found = [lanczos(product, random_start(like, seed + probe), steps) for probe in range(probes)]
    values = torch.cat([ritz.values for ritz in found])
    weights = torch.cat([ritz.weights for ritz in found]) / probes
    low, high = float(values.min()), float(values.max())
    width = max((high - low) / 50, 1e-12 * max(abs(low), abs(high), 1e-300))
    grid = torch.linspace(low - 3 * width, high + 3 * width, points, dtype=torch.float64)
    curves = torch.exp(-(((grid[:, None] - values) / width) ** 2) / 2) / (width * (2 * torch.pi) ** 0.5)
    return {
        "eigenvalues": grid.tolist(),
        "density": (curves @ weights).tolist(),
        "width": width,
        "probes": probes,
        "steps": steps,
        "share_negative": float(weights[values < -max(1e-3 * high, 0.0)].sum()),
    }


def flatness(
    objective: Objective, *, count: int = 5, steps: int = 40, samples: int = 10, seed: int = 0
) -> dict[str, Any]:
    """Largest eigenvalues and trace of the Hessian of ``objective`` where it starts, for JSON."""

    def product(vector: Tensor) -> Tensor:
        return objective.hessian_times(objective.start, vector)

    top = top_eigenvalues(product, objective.start, count, steps=steps, seed=seed)
    trace = hutchinson_trace(product, objective.start, samples=samples, seed=seed)
    return {
        "curvature": objective.curvature,
        "top": top.values.tolist(),
        "top_residuals": top.residuals.tolist(),
        "largest": float(top.values[0]),
        "trace": trace.mean,
        "trace_error": trace.standard_error,
        "trace_samples": samples,
        "lanczos_steps": steps,
    }
