"""The bilinear family: second moments, whole or through a few forms, and their element-wise normalisation."""

from __future__ import annotations

from torch import nn

from covpool.pooling.describe import SecondMoment
from covpool.pooling.fillings.projected import LearnedForms, QuadraticForms, RandomForms
from covpool.pooling.fillings.spectrum import RankOneUpdate, StraightenedVariance
from covpool.pooling.normalize import MatrixSqrt, SignedSqrt
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import Entries, Flat


def improved_bilinear(
    in_features: int, reduce_to: int | None = None, *, method: str = "eig", steps: int = 5, eps: float = 1e-8
) -> SecondOrderPool:
    """Improved B-CNN: second moment, matrix root, signed root, l2, all entries (Lin and Maji BMVC 2017).

    ``method`` and ``steps`` as in ``isqrt``; the exact root by default, as in the source.
    """
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=SecondMoment(),
        normalize=nn.Sequential(MatrixSqrt(method=method, steps=steps), SignedSqrt(eps=eps)),
        vectorize=Flat(reduce_to or in_features),
    )


def random_maclaurin(
    in_features: int, reduce_to: int | None = None, *, width: int = 8192, seed: int = 0, eps: float = 1e-8
) -> SecondOrderPool:
    """Random Maclaurin sketch of the second moment, signed root, l2 (Gao et al. CVPR 2016)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=RandomForms(reduce_to or in_features, width=width, seed=seed),
        normalize=SignedSqrt(eps=eps),
        vectorize=Entries(width),
    )


def low_rank(
    in_features: int, reduce_to: int | None = None, *, width: int = 8192, eps: float = 1e-8
) -> SecondOrderPool:
    """Hadamard product of two learned projections, averaged; signed root, l2 (Kim et al. ICLR 2017)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=LearnedForms(reduce_to or in_features, width=width),
        normalize=SignedSqrt(eps=eps),
        vectorize=Entries(width),
    )


def smso(
    in_features: int, reduce_to: int | None = None, *, width: int = 2048, transform: str = "sqrt", eps: float = 1e-12
) -> SecondOrderPool:
    """SMSO: variances along learned directions, their root or logarithm, scale and shift (Yu, Salzmann ECCV 2018)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=QuadraticForms(reduce_to or in_features, width=width),
        normalize=StraightenedVariance(width, transform=transform, eps=eps),
        vectorize=Entries(width),
    )


def run(
    in_features: int,
    reduce_to: int | None = None,
    *,
    strength: float = 0.5,
    steps: int = 2,
    seed: int = 0,
    eps: float = 1e-8,
) -> SecondOrderPool:
    """RUN: second moment, rank-one update, signed root, l2, all entries (Yu, Li and Li ECCV 2020)."""
    dim = reduce_to or in_features
    update = RankOneUpdate(dim, strength=strength, steps=steps, seed=seed)
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=SecondMoment(),
        normalize=nn.Sequential(update, SignedSqrt(eps=eps)),
        vectorize=Flat(dim),
    )
