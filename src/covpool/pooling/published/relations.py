"""Pools of other relations between channels than their covariance."""

from __future__ import annotations

from covpool.pooling.describe import Covariance
from covpool.pooling.fillings.channels import (
    Correlation,
    DistanceCovariance,
    KernelMatrix,
    ShrunkCovariance,
    SparseInverse,
)
from covpool.pooling.fillings.covariance_gate import CovarianceGate
from covpool.pooling.normalize import MatrixSqrt
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import StrictTriangle, Triangle


def correlation(in_features: int, reduce_to: int | None = None) -> SecondOrderPool:
    """Correlation of the channels, upper triangle without the diagonal."""
    vectorize = StrictTriangle(reduce_to or in_features)
    return SecondOrderPool(in_features, reduce_to, describe=Correlation(), vectorize=vectorize)


def shrinkage(
    in_features: int,
    reduce_to: int | None = None,
    *,
    estimator: str = "ledoit-wolf",
    method: str = "newton-schulz",
    steps: int = 5,
) -> SecondOrderPool:
    """Shrunk covariance, root, upper triangle: ``isqrt`` with an estimator for few positions.

    ``estimator`` is ``ledoit-wolf`` or ``oas``; ``method`` and ``steps`` as in ``isqrt``.
    """
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=ShrunkCovariance(method=estimator),
        normalize=MatrixSqrt(method=method, steps=steps),
        vectorize=Triangle(reduce_to or in_features),
    )


def isice(in_features: int, reduce_to: int | None = None, *, penalty: float = 0.1, steps: int = 10) -> SecondOrderPool:
    """Sparse inverse covariance, upper triangle (Rahman et al. CVPR 2023, iSICE)."""
    describe = SparseInverse(penalty=penalty, steps=steps)
    return SecondOrderPool(in_features, reduce_to, describe=describe, vectorize=Triangle(reduce_to or in_features))


def bdc(
    in_features: int,
    reduce_to: int | None = None,
    *,
    scale: float = 0.5,
    learn_scale: bool = True,
    eps: float = 1e-5,
) -> SecondOrderPool:
    """Brownian distance covariance of the channels, upper triangle (Xie et al. CVPR 2022, DeepBDC)."""
    describe = DistanceCovariance(scale=scale, learn_scale=learn_scale, eps=eps)
    return SecondOrderPool(in_features, reduce_to, describe=describe, vectorize=Triangle(reduce_to or in_features))


def kernel(
    in_features: int,
    reduce_to: int | None = None,
    *,
    gamma: float = 1.0,
    learn_gamma: bool = True,
    method: str = "eig",
    steps: int = 5,
) -> SecondOrderPool:
    """Gaussian kernel matrix of the channels, root, upper triangle (Engin et al. ECCV 2018, DeepKSPD)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=KernelMatrix(gamma=gamma, learn_gamma=learn_gamma),
        normalize=MatrixSqrt(method=method, steps=steps),
        vectorize=Triangle(reduce_to or in_features),
    )


def gsop(
    in_features: int, reduce_to: int | None = None, *, squeeze: int | None = None, filters: int = 4, steps: int = 5
) -> SecondOrderPool:
    """Channels gated by their covariances, then ``isqrt`` (Gao et al. CVPR 2019, GSoP-Net2 at its last stage)."""
    dim = reduce_to or in_features
    return SecondOrderPool(
        in_features,
        reduce_to,
        reweight=CovarianceGate(dim, squeeze=squeeze, filters=filters),
        describe=Covariance(),
        normalize=MatrixSqrt(steps=steps),
        vectorize=Triangle(dim),
    )
