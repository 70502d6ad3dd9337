"""The table of pools: each row fills the slots as one paper does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from covpool.pooling import first_order
from covpool.pooling.describe import Covariance, SecondMoment
from covpool.pooling.normalize import MatrixPower, MatrixSqrt, SignedSqrt
from covpool.pooling.second_order import SecondOrderPool
from covpool.pooling.vectorize import Flat, Triangle
from covpool.registry import Registry, check_options


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A row of the table: how a pool is built, its statistical order, what it is and who published it."""

    build: Callable[..., nn.Module]
    order: int
    summary: str
    source: str


pools = Registry[Preset]("pool")


def create_pool(name: str, in_features: int, reduce_to: int | None = None, **options: Any) -> nn.Module:
    """A pool by name: (B, in_features, H, W) -> (B, pool.out_features).

    Args:
        name: a name of ``list_pools()`` or an alias, such as ``isqrt``.
        in_features: channels of the feature map.
        reduce_to: channels after a 1x1 convolution, BN and ReLU; None (default) adds no layer. The published
            networks reduce 2048 channels to 256; without it a second-order vector of 2048 channels has 2.1 M numbers.
        options: those of the preset, such as ``steps=5``.

    Raises:
        ValueError: unknown name, unknown or missing options, sizes that are not positive; all in one message.

    Example:
        >>> create_pool("isqrt", in_features=256).out_features
        32896
    """
    preset = pools.get(name)
    mistakes = check_options("pool", name, preset.build, options, given=("in_features", "reduce_to"))
    sizes = {"in_features": in_features} | ({} if reduce_to is None else {"reduce_to": reduce_to})
    mistakes += [f"{key} needs to be a positive number of channels; got {n!r}" for key, n in sizes.items() if n < 1]
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return preset.build(in_features, reduce_to, **options)


def register_pool(
    name: str, build: Callable[..., nn.Module], *, order: int = 2, summary: str = "", source: str = ""
) -> Callable[..., nn.Module]:
    """Add your own pool under ``name``, for ``create_pool``, networks, recipes and the command line.

    Args:
        name: lower-case words joined by hyphens.
        build: ``build(in_features, reduce_to, **options)`` -> a module with ``in_features``, ``out_features``.
        order: 2 for second-order statistics, 1 for first; decides defaults such as the reduction of a network.
        summary: one line for ``covpool pools``.
        source: the publication.

    Raises:
        ValueError: the name is taken.
    """
    pools.register(name, Preset(build=build, order=order, summary=summary, source=source))
    return build


def list_pools() -> list[str]:
    """Names that ``create_pool`` accepts, without aliases."""
    return pools.names()


def _isqrt(
    in_features: int, reduce_to: int | None = None, *, steps: int = 5, method: str = "newton-schulz"
) -> SecondOrderPool:
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=Covariance(),
        normalize=MatrixSqrt(method=method, steps=steps),
        vectorize=Triangle(reduce_to or in_features),
    )


def _mpncov_eig(in_features: int, reduce_to: int | None = None, *, power: float = 0.5) -> SecondOrderPool:
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=Covariance(),
        normalize=MatrixPower(power),
        vectorize=Triangle(reduce_to or in_features),
    )


def _covariance(in_features: int, reduce_to: int | None = None, *, ridge: float = 0.0) -> SecondOrderPool:
    return SecondOrderPool(
        in_features, reduce_to, describe=Covariance(ridge=ridge), vectorize=Triangle(reduce_to or in_features)
    )


def _bilinear(in_features: int, reduce_to: int | None = None, *, eps: float = 1e-8) -> SecondOrderPool:
    return SecondOrderPool(
        in_features,
        reduce_to,
        describe=SecondMoment(),
        normalize=SignedSqrt(eps=eps),
        vectorize=Flat(reduce_to or in_features),
    )


def _avg(in_features: int, reduce_to: int | None = None) -> first_order.FirstOrderPool:
    return first_order.FirstOrderPool(in_features, reduce_to, summarize=first_order.Average(reduce_to or in_features))


def _max(in_features: int, reduce_to: int | None = None) -> first_order.FirstOrderPool:
    return first_order.FirstOrderPool(in_features, reduce_to, summarize=first_order.Maximum(reduce_to or in_features))


def _gem(
    in_features: int, reduce_to: int | None = None, *, p: float = 3.0, learn_p: bool = True
) -> first_order.FirstOrderPool:
    summarize = first_order.GeneralizedMean(reduce_to or in_features, p=p, learn_p=learn_p)
    return first_order.FirstOrderPool(in_features, reduce_to, summarize=summarize)


def _stats(in_features: int, reduce_to: int | None = None) -> first_order.FirstOrderPool:
    return first_order.FirstOrderPool(
        in_features, reduce_to, summarize=first_order.MeanDeviation(reduce_to or in_features)
    )


def _avg_expand(
    in_features: int, reduce_to: int | None = None, *, width: int, learned: bool = True, seed: int = 0
) -> first_order.FirstOrderPool:
    summarize = first_order.ExpandedAverage(reduce_to or in_features, width=width, learned=learned, seed=seed)
    return first_order.FirstOrderPool(in_features, reduce_to, summarize=summarize)


def _row(name: str, build: Callable[..., nn.Module], order: int, summary: str, source: str, *aliases: str) -> None:
    pools.register(name, Preset(build=build, order=order, summary=summary, source=source), aliases=aliases)


_row("isqrt", _isqrt, 2, "covariance, Newton-Schulz square root", "Li et al. CVPR 2018", "mpncov")
_row("mpncov-eig", _mpncov_eig, 2, "covariance, eigenvalue power", "Li et al. ICCV 2017")
_row("covariance", _covariance, 2, "covariance without normalisation", "textbook")
_row("bilinear", _bilinear, 2, "second moment, signed square root, l2", "Lin et al. ICCV 2015 (B-CNN)")
_row("avg", _avg, 1, "global average pooling", "Lin et al. ICLR 2014")
_row("gem", _gem, 1, "generalized mean with a learned exponent", "Radenovic et al. TPAMI 2019")
_row("max", _max, 1, "global maximum pooling", "textbook")
_row("stats", _stats, 1, "mean and standard deviation", "Snyder et al. ICASSP 2018")
_row("avg-expand", _avg_expand, 1, "average expanded to a given width: the control of a longer vector", "covpool")
