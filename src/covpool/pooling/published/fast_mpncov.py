"""The pools of fast MPN-COV and of the releases around it."""

from __future__ import annotations

from covpool.pooling.describe import Covariance, SecondMoment, TensorSketch
from covpool.pooling.normalize import MatrixPower, MatrixSqrt, SignedSqrt
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import Entries, Flat, Triangle


def isqrt(
    in_features: int,
    reduce_to: int | None = None,
    *,
    steps: int = 5,
    method: str = "newton-schulz",
    backend: str = "auto",
    reduce_act: str = "relu",
    reduce_eps: float = 1e-5,
) -> SecondOrderPool:
    """iSQRT-COV: centred covariance, Newton-Schulz square root, upper triangle (Li et al. CVPR 2018)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=Covariance(),
        normalize=MatrixSqrt(method=method, steps=steps, backend=backend),
        vectorize=Triangle(reduce_to or in_features),
        reduce_act=reduce_act,
        reduce_eps=reduce_eps,
    )


def mpncov_eig(in_features: int, reduce_to: int | None = None, *, power: float = 0.5) -> SecondOrderPool:
    """MPN-COV: centred covariance, eigenvalue power, upper triangle (Li et al. ICCV 2017)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=Covariance(),
        normalize=MatrixPower(power),
        vectorize=Triangle(reduce_to or in_features),
    )


def covariance(in_features: int, reduce_to: int | None = None, *, ridge: float = 0.0) -> SecondOrderPool:
    """Centred covariance without normalisation, upper triangle."""
    return SecondOrderPool(
        in_features, reduce_to, describe=Covariance(ridge=ridge), vectorize=Triangle(reduce_to or in_features)
    )


def bilinear(in_features: int, reduce_to: int | None = None, *, eps: float = 1e-8) -> SecondOrderPool:
    """B-CNN: second moment, signed square root, l2, all entries (Lin et al. ICCV 2015)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=SecondMoment(),
        normalize=SignedSqrt(eps=eps),
        vectorize=Flat(reduce_to or in_features),
    )


def cbp(
    in_features: int, reduce_to: int | None = None, *, width: int = 8192, seed: int = 1, eps: float = 1e-8
) -> SecondOrderPool:
    """CBP: tensor sketch of the second moment, signed square root, l2 (Gao et al. CVPR 2016)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=TensorSketch(reduce_to or in_features, width=width, seed=seed),
        normalize=SignedSqrt(eps=eps),
        vectorize=Entries(width),
    )
