"""The pools of DropCov and of the transformers released with it."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from covpool.pooling.describe import Covariance, CrossCovariance
from covpool.pooling.normalize import MatrixSqrt, RowNorm, Scale, SignedPower, SingularPower, SingularSqrt
from covpool.pooling.reweight import AdaptiveChannelDrop
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import Entries, Triangle, UnitTriangle
from covpool.registry import Registry

# channels -> the slots normalize and vectorize
after_drop = Registry[Callable[[int], tuple[nn.Module | None, nn.Module]]]("normalisation of dropcov")
after_drop.register("none", lambda dim: (None, Triangle(dim)))
after_drop.register("signed-sqrt", lambda dim: (SignedPower(), Triangle(dim)))
after_drop.register("l2", lambda dim: (None, UnitTriangle(dim)))
after_drop.register("signed-sqrt-l2", lambda dim: (SignedPower(), UnitTriangle(dim)), aliases=["epn"])
after_drop.register("newton-schulz", lambda dim: (MatrixSqrt(), Triangle(dim)), aliases=["mpn"])
after_drop.register("singular-power", lambda dim: (SingularPower(dim), Triangle(dim)), aliases=["svpn"])
after_drop.register("scale", lambda dim: (Scale(dim**-0.5), Triangle(dim)))
after_drop.register("learned-scale", lambda dim: (Scale(dim**-0.5, learn=True), Triangle(dim)))
after_drop.register("layer-norm", lambda dim: (RowNorm(dim), Entries(dim * dim)))

# width of a head -> the slot normalize
of_tokens = Registry[Callable[[int], nn.Module | None]]("normalisation of crosscov")
of_tokens.register("singular-power", lambda dim: SingularPower(dim), aliases=["svpn"])
of_tokens.register("newton-schulz", lambda dim: SingularSqrt())
of_tokens.register("none", lambda dim: None)
of_tokens.register("scale", lambda dim: Scale(dim**-0.5))
of_tokens.register("learned-scale", lambda dim: Scale(dim**-0.5, learn=True))
of_tokens.register("layer-norm", lambda dim: RowNorm(dim))


def dropcov(
    in_features: int, reduce_to: int | None = None, *, normalize: str = "none", reduce_eps: float = 1e-5
) -> SecondOrderPool:
    """DropCov: adaptive channel drop in training, covariance, triangle (Wang et al. NeurIPS 2022).

    ``normalize`` is what follows the covariance: none as released, or one of the release's other normalisations:
    signed-sqrt, l2, signed-sqrt-l2 (epn), newton-schulz (mpn), singular-power (svpn), scale, learned-scale,
    layer-norm (which leaves no symmetric matrix: all entries are kept). ``reduce_eps`` is batch norm's in the
    reduction, 1e-4 in the MindSpore release.
    """
    dim = reduce_to or in_features
    slot, vectorize = after_drop.get(normalize)(dim)
    return SecondOrderPool(
        in_features,
        reduce_to,
        reweight=AdaptiveChannelDrop(dim),
        describe=Covariance(),
        normalize=slot,
        vectorize=vectorize,
        reduce_eps=reduce_eps,
    )


def crosscov(
    in_features: int,
    reduce_to: int | None = None,
    *,
    heads: int = 6,
    head_dim: int = 24,
    center: str = "channel",
    token_drop: float = 0.2,
    entry_drop: float = 0.5,
    normalize: str = "singular-power",
    spare: bool = False,
) -> SecondOrderPool:
    """Multi-head cross-covariance of tokens (Xie et al. 2021; the transformers of Wang et al. NeurIPS 2022).

    ``center="head"`` subtracts one number a head, as the released networks do; ``normalize="none"`` and ``spare=True``
    (weights that nothing reads) are theirs too.
    The choices are singular-power (svpn), newton-schulz, none, scale, learned-scale and layer-norm.
    """
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=CrossCovariance(
            reduce_to or in_features,
            heads,
            head_dim,
            center=center,
            token_drop=token_drop,
            entry_drop=entry_drop,
            spare=spare,
        ),
        normalize=of_tokens.get(normalize)(head_dim),
        vectorize=Entries(heads * head_dim**2),
    )
