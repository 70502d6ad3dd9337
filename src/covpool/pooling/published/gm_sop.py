"""The pools of GM-SOP: the square-root pool of its baseline, and gated mixtures of second and first order."""

from __future__ import annotations

from collections.abc import Sequence

from covpool.pooling.describe import Covariance
from covpool.pooling.first_order import Average, FirstOrderPool
from covpool.pooling.mixture import CandidateMaps, Gate, GatedMixture
from covpool.pooling.normalize import MatrixSqrt
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import Triangle


def sr_sop(in_features: int, reduce_to: int | None = None, *, steps: int = 3) -> SecondOrderPool:
    """SR-SOP: covariance, Newton-Schulz root of 3 steps, triangle (Wang et al. NeurIPS 2018)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=Covariance(),
        normalize=MatrixSqrt(steps=steps),
        vectorize=Triangle(reduce_to or in_features),
    )


def gm_sop(
    in_features: int,
    reduce_to: int | None = None,
    *,
    candidates: int = 16,
    active: int = 8,
    hidden: int | None = None,
    gate: Sequence[int] | None = None,
    steps: int = 3,
) -> GatedMixture:
    """GM-SOP: each image mixes the square-root pools of ``active`` of ``candidates`` (Wang et al. NeurIPS 2018).

    ``reduce_to`` is what each candidate reduces to, by way of ``hidden`` channels (None: twice as many; 0: at once);
    ``gate`` are the channels of the gate's convolutions. The defaults are those of the released ResNet-18.
    """
    dim = reduce_to or in_features
    between = 2 * dim if hidden is None else hidden
    gate = [2 * dim, dim] if gate is None else gate
    return GatedMixture(
        gate=Gate(in_features, gate, pool=sr_sop(gate[-1], steps=steps), candidates=candidates, active=active),
        candidates=CandidateMaps(in_features, [*([between] if between else []), dim], candidates=candidates),
        pool=sr_sop(dim, steps=steps),
        active=active,
    )


def gm_gap(
    in_features: int,
    reduce_to: int | None = None,
    *,
    candidates: int = 16,
    active: int = 8,
    hidden: int = 0,
    gate: Sequence[int] | None = None,
) -> GatedMixture:
    """GM-GAP: the same mixture of averages, the first-order control of ``gm-sop`` (Wang et al. NeurIPS 2018).

    The released networks have ``reduce_to=512``; options as in ``gm-sop``.
    """
    dim = reduce_to or in_features
    gate = [2 * in_features, in_features] if gate is None else gate
    return GatedMixture(
        gate=Gate(in_features, gate, pool=_average(gate[-1]), candidates=candidates, active=active),
        candidates=CandidateMaps(in_features, [*([hidden] if hidden else []), dim], candidates=candidates),
        pool=_average(dim),
        active=active,
    )


def _average(dim: int) -> FirstOrderPool:
    return FirstOrderPool(dim, summarize=Average(dim))
