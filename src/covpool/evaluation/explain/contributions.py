r"""What each position adds to a class score, exactly.

With the descriptors at :math:`z(t) = z_0 + t\,(z - z_0)` the score goes from :math:`f(0)`, a map without any
variation, to the network's own, :math:`f(1)`. The contribution of position n is its share of that way,

.. math:: c_n = \int_0^1 \Big\langle \frac{\partial f}{\partial z_n}(z(t)),\ z_n - z_{0,n}\Big\rangle\,dt,
          \qquad \sum_n c_n = f(1) - f(0)

(the Aumann-Shapley value, integrated gradients: Sundararajan et al. ICML 2017). Where the pooled vector is homogeneous
of degree p in the deviations and the classifier is affine, the integral is the gradient at the end divided by p
(Euler). With :math:`S = \frac1N\sum_n \phi_n`, :math:`\phi_n = (z_n-\mu)(z_n-\mu)^\top`, that is
:math:`\langle \partial f/\partial S, \phi_n\rangle/(N d)` with d = p/2: 1 for the covariance, 1/2 for its root.
For average pooling it is the class-activation map of Zhou et al. CVPR 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from covpool.evaluation.explain.descriptors import ScaledHead

Rule = Literal["euler", "path", "derivative"]
_LEVELS = (8, 16, 32, 64)  # nodes of the quadrature; the next one is asked where the last two differ
_CLOSE = 1e-4  # of the largest contribution
_SAME = 1e-6  # of the vector's norm: homogeneous


@dataclass(frozen=True)
class Contributions:
    """The contributions of one picture to one score.

    Attributes:
        positions: (N,), summed over the candidates of a mixture.
        slope: path-integrated gradient of the statistic (B', C, C), whose inner product with the statistic's own
            rise is the same sum; None where the statistic is no matrix.
        score: the network's score.
        constant: what is left of it without the map's variation: biases, the class token; None for "derivative".
        rule: "euler", closed form; "path", by quadrature; "derivative", where there is no way from 0, because the
            pooled vector does not depend on t, or on its logarithm only: then the contributions are the derivative of
            the score by the logarithm of each position's scale, at t = 1.
        degree: p, for "euler".
        nodes: gradients that were computed.
        total: what the contributions add up to by their rule; ``score - constant`` but for "derivative".
    """

    positions: Tensor
    slope: Tensor | None
    score: float
    constant: float | None
    rule: Rule
    degree: float | None
    nodes: int
    total: float

    @property
    def error(self) -> float:
        """How far their sum is from that."""
        return self.positions.sum().item() - self.total


def contributions(head: ScaledHead) -> Contributions:
    """The contributions of all positions; by the closed form where there is one, else by Gauss-Legendre quadrature."""
    degree = _degree(head)
    if degree == 0 and not head.is_centered:
        head.begin_at_mean()  # each descriptor is normalised by itself: only its direction is seen
        return _by_path(head)
    if degree == 0:
        return _collected(head, [(1.0, 1.0)], None, "derivative", degree)
    if degree is not None and head.is_affine:
        constant = head.score_of(_unscaled(head, degree))
        return _collected(head, [(1.0, 1 / degree)], constant, "euler", degree)
    return _by_path(head)


def _by_path(head: ScaledHead) -> Contributions:
    """Refine until two levels agree. t = s^2, because matrix functions with a ridge bend near zero."""
    constant, last = head.score(0), None
    for nodes in _LEVELS:
        places, weights = np.polynomial.legendre.leggauss(nodes)
        s = (places + 1) / 2
        found = _collected(head, list(zip(s**2, weights * s, strict=True)), constant, "path", None)
        if last is not None and (found.positions - last).abs().max() <= _CLOSE * found.positions.abs().max():
            break
        last = found.positions
    return found


def _collected(
    head: ScaledHead, nodes: list[tuple[float, float]], constant: float | None, rule: Rule, degree: float | None
) -> Contributions:
    deviations = head.deviations
    positions = deviations.new_zeros(deviations.shape[-1])
    slope: Tensor | None = None
    for t, weight in nodes:
        _, gradient, in_matrix = head.gradients(float(t))
        positions += float(weight) * (gradient * deviations).sum((0, 1))
        if in_matrix is not None:  # the matrix rises as t^2
            step = 2 * float(t * weight) * in_matrix
            slope = step if slope is None else slope + step
    score = head.score(1)
    total = (score - head.score(0.5)) / math.log(2) if constant is None else score - constant
    return Contributions(positions, slope, score, constant, rule, degree, len(nodes), total)


def _degree(head: ScaledHead) -> float | None:
    """p with v(t) = v_0 + t^p (v(1) - v_0) for the pooled vector, or None; looked for by its values at 1, 1/2, 1/4.

    Two steps of halving give the ratio 2^-p twice; where both agree the vector is homogeneous. 0: it does not change,
    or by the same with every halving.
    """
    one, half, quarter = head.vector(1), head.vector(0.5), head.vector(0.25)
    first, second = one - half, half - quarter
    if first.norm() <= _SAME * one.norm():
        return 0.0
    ratio = (second @ first / (first @ first)).item()
    if ratio <= 0 or (second - ratio * first).norm() > _SAME * max(first.norm(), second.norm()):
        return None
    degree = -math.log2(ratio)
    return round(degree * 4) / 4 if abs(degree * 4 - round(degree * 4)) < 1e-4 else None


def _unscaled(head: ScaledHead, degree: float) -> Tensor:
    """v_0: the part of the pooled vector that does not scale."""
    one, half = head.vector(1), head.vector(0.5)
    share = 2.0**-degree
    return (half - share * one) / (1 - share)
