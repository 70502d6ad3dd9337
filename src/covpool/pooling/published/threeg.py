"""The pools of 3G-Net: the network as released, and the estimator that it stands for."""

from __future__ import annotations

from covpool.pooling.describe import Covariance, GeneralizedGaussian
from covpool.pooling.normalize import MatrixSqrt
from covpool.pooling.reweight import PositionGates
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import Triangle


def threeg(
    in_features: int, reduce_to: int | None = None, *, gates: int = 3, reduction: int = 4, steps: int = 5
) -> SecondOrderPool:
    """3G-Net: learned position gates, covariance + 1e-7 I, Newton-Schulz root, triangle (Wang et al. CVPR 2019)."""
    dim = reduce_to or in_features
    return SecondOrderPool(
        in_features,
        reduce_to,
        reweight=PositionGates(dim, count=gates, reduction=reduction),
        describe=Covariance(ridge=1e-7),  # models/ResNet_3G.py:14-29
        normalize=MatrixSqrt(steps=steps),
        vectorize=Triangle(dim),
    )


def threeg_irls(
    in_features: int, reduce_to: int | None = None, *, beta: float = 0.5, theta: float = 1.0, steps: int = 5
) -> SecondOrderPool:
    """Regularised generalized-Gaussian scatter by iterative re-weighting, triangle."""
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=GeneralizedGaussian(beta=beta, theta=theta, steps=steps),
        vectorize=Triangle(reduce_to or in_features),
    )
