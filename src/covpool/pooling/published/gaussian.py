"""The Gaussian embeddings: mean and covariance in one root."""

from __future__ import annotations

from torch import nn

from covpool.pooling.fillings.channels import MomentMatrix
from covpool.pooling.fillings.projected import MatrixSketch
from covpool.pooling.normalize import MatrixSqrt, SignedSqrt
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import Entries, Triangle


def g2denet(in_features: int, reduce_to: int | None = None, *, method: str = "eig", steps: int = 5) -> SecondOrderPool:
    """G2DeNet: root of the matrix of mean and covariance, upper triangle (Wang et al. CVPR 2017).

    ``method`` and ``steps`` as in ``isqrt``; the exact root by default, as in the source.
    """
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=MomentMatrix(),
        normalize=MatrixSqrt(method=method, steps=steps),
        vectorize=Triangle((reduce_to or in_features) + 1),
    )


def monet(
    in_features: int,
    reduce_to: int | None = None,
    *,
    width: int = 8192,
    seed: int = 1,
    method: str = "eig",
    steps: int = 5,
    eps: float = 1e-8,
) -> SecondOrderPool:
    """MoNet: tensor sketch of the root of the moment matrix, signed root, l2 (Gou et al. CVPR 2018).

    ``method`` and ``steps`` as in ``isqrt``; the exact root by default, as in the source.
    """
    sketch = MatrixSketch((reduce_to or in_features) + 1, width=width, seed=seed)
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=MomentMatrix(),
        normalize=nn.Sequential(MatrixSqrt(method=method, steps=steps), sketch, SignedSqrt(eps=eps)),
        vectorize=Entries(width),
    )
