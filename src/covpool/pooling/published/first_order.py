"""The first-order pools that a second-order pool is compared with."""

from __future__ import annotations

from covpool.pooling.fillings.attention import AttentionMean, ResidualDictionary
from covpool.pooling.first_order import (
    Average,
    ExpandedAverage,
    FirstOrderPool,
    FixedGeneralizedMean,
    Flatten,
    GeneralizedMean,
    LogSumExp,
    Maximum,
    MeanDeviation,
    SoftmaxMean,
)


def avg(in_features: int, reduce_to: int | None = None) -> FirstOrderPool:
    """Global average pooling."""
    return FirstOrderPool(in_features, reduce_to, summarize=Average(reduce_to or in_features))


def max(in_features: int, reduce_to: int | None = None) -> FirstOrderPool:
    """Global maximum pooling."""
    return FirstOrderPool(in_features, reduce_to, summarize=Maximum(reduce_to or in_features))


def gem(in_features: int, reduce_to: int | None = None, *, p: float = 3.0, learn_p: bool = True) -> FirstOrderPool:
    """Generalized mean with a learned exponent (Radenovic et al. TPAMI 2019)."""
    summarize = GeneralizedMean(reduce_to or in_features, p=p, learn_p=learn_p)
    return FirstOrderPool(in_features, reduce_to, summarize=summarize)


def gem_fixed(in_features: int, reduce_to: int | None = None, *, p: float = 3.0, floor: float = 1e-6) -> FirstOrderPool:
    """Generalized mean of a fixed exponent (Lee et al. 2020, Assemble-ResNet)."""
    summarize = FixedGeneralizedMean(reduce_to or in_features, p=p, floor=floor)
    return FirstOrderPool(in_features, reduce_to, summarize=summarize)


def flatten(
    in_features: int, reduce_to: int | None = None, *, positions: int, channels_last: bool = True
) -> FirstOrderPool:
    """Every position's descriptor side by side, for maps of ``positions`` = H W."""
    summarize = Flatten(reduce_to or in_features, positions=positions, channels_last=channels_last)
    return FirstOrderPool(in_features, reduce_to, summarize=summarize)


def stats(in_features: int, reduce_to: int | None = None) -> FirstOrderPool:
    """Mean and standard deviation side by side (Snyder et al. ICASSP 2018)."""
    return FirstOrderPool(in_features, reduce_to, summarize=MeanDeviation(reduce_to or in_features))


def avg_expand(
    in_features: int, reduce_to: int | None = None, *, width: int, learned: bool = True, seed: int = 0
) -> FirstOrderPool:
    """Average expanded to ``width`` numbers: the width-matched control of a second-order pool."""
    summarize = ExpandedAverage(reduce_to or in_features, width=width, learned=learned, seed=seed)
    return FirstOrderPool(in_features, reduce_to, summarize=summarize)


def softpool(in_features: int, reduce_to: int | None = None) -> FirstOrderPool:
    """Mean weighted by the exponentials of the features (Stergiou et al. ICCV 2021)."""
    return FirstOrderPool(in_features, reduce_to, summarize=SoftmaxMean(reduce_to or in_features))


def lse(
    in_features: int, reduce_to: int | None = None, *, sharpness: float = 1.0, learn_sharpness: bool = True
) -> FirstOrderPool:
    """Log-sum-exp, a smooth maximum of learned sharpness (Pinheiro and Collobert CVPR 2015)."""
    summarize = LogSumExp(reduce_to or in_features, sharpness=sharpness, learn_sharpness=learn_sharpness)
    return FirstOrderPool(in_features, reduce_to, summarize=summarize)


def attention(in_features: int, reduce_to: int | None = None, *, hidden: int = 128) -> FirstOrderPool:
    """Mean weighted by learned scores of the positions (Ilse et al. ICML 2018)."""
    return FirstOrderPool(in_features, reduce_to, summarize=AttentionMean(reduce_to or in_features, hidden=hidden))


def netvlad(
    in_features: int, reduce_to: int | None = None, *, clusters: int = 64, alpha: float = 10.0
) -> FirstOrderPool:
    """Residuals from learned centers (Arandjelovic et al. CVPR 2016)."""
    summarize = ResidualDictionary(reduce_to or in_features, clusters=clusters, alpha=alpha)
    return FirstOrderPool(in_features, reduce_to, summarize=summarize)
