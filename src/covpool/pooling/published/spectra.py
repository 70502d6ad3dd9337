"""Covariance pools that shape the spectrum otherwise than by a root."""

from __future__ import annotations

from covpool.pooling.describe import Covariance
from covpool.pooling.fillings.spectrum import LogCholesky, MatrixLog, MaxExp
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import IsometricTriangle, Triangle


def log_euclidean(in_features: int, reduce_to: int | None = None, *, ridge: float = 1e-3) -> SecondOrderPool:
    """Logarithm of the covariance, upper triangle with weights of root 2 (Carreira et al. ECCV 2012, O2P)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=Covariance(),
        normalize=MatrixLog(ridge=ridge),
        vectorize=IsometricTriangle(reduce_to or in_features),
    )


def log_cholesky(
    in_features: int, reduce_to: int | None = None, *, ridge: float = 1e-3, log_diagonal: bool = True
) -> SecondOrderPool:
    """Cholesky factor of the covariance, its diagonal as logarithms (Lin, SIAM J. Matrix Analysis 2019)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=Covariance(),
        normalize=LogCholesky(ridge=ridge, log_diagonal=log_diagonal),
        vectorize=Triangle(reduce_to or in_features),
    )


def maxexp(in_features: int, reduce_to: int | None = None, *, exponent: int = 20) -> SecondOrderPool:
    """Spectral MaxExp of the covariance, upper triangle (Koniusz and Zhang TPAMI 2021)."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=Covariance(),
        normalize=MaxExp(exponent),
        vectorize=Triangle(reduce_to or in_features),
    )
