"""The table of pools: each row fills the slots as one paper does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from covpool.pooling.published import (
    bilinear,
    fast_mpncov,
    first_order,
    gaussian,
    gcp_opt,
    gm_sop,
    relations,
    spectra,
    threeg,
)
from covpool.registry import Registry, check_options


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A row of the table: how a pool is built, its statistical order, what it is and who published it.

    ``projects``: it makes narrow descriptors itself, so a network puts no reduction in front unless asked to.
    """

    build: Callable[..., nn.Module]
    order: int
    summary: str
    source: str
    projects: bool = False


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


def _row(
    name: str,
    build: Callable[..., nn.Module],
    order: int,
    summary: str,
    source: str,
    *aliases: str,
    projects: bool = False,
) -> None:
    preset = Preset(build=build, order=order, summary=summary, source=source, projects=projects)
    pools.register(name, preset, aliases=aliases)


_row("isqrt", fast_mpncov.isqrt, 2, "covariance, Newton-Schulz square root", "Li et al. CVPR 2018", "mpncov")
_row("mpncov-eig", fast_mpncov.mpncov_eig, 2, "covariance, eigenvalue power", "Li et al. ICCV 2017")
_row("covariance", fast_mpncov.covariance, 2, "covariance without normalisation", "textbook")
_row("bilinear", fast_mpncov.bilinear, 2, "second moment, signed square root, l2", "Lin et al. ICCV 2015 (B-CNN)")
_row("avg", first_order.avg, 1, "global average pooling", "Lin et al. ICLR 2014")
_row("gem", first_order.gem, 1, "generalized mean with a learned exponent", "Radenovic et al. TPAMI 2019")
_row("gem-fixed", first_order.gem_fixed, 1, "generalized mean of a fixed exponent", "Lee et al. 2020 (Assemble-ResNet)")
_row("flatten", first_order.flatten, 1, "every position, of maps of one size", "Lee et al. 2020 (Assemble-ResNet)")
_row("max", first_order.max, 1, "global maximum pooling", "textbook")
_row("stats", first_order.stats, 1, "mean and standard deviation", "Snyder et al. ICASSP 2018")
_row(
    "avg-expand",
    first_order.avg_expand,
    1,
    "average expanded to a given width: the control of a longer vector",
    "covpool",
)

_row("cbp", fast_mpncov.cbp, 2, "compact bilinear: tensor sketch, signed square root, l2", "Gao et al. CVPR 2016")
_row("threeg", threeg.threeg, 2, "learned position gates, covariance, square root", "Wang et al. CVPR 2019 (3G-Net)")
_row("threeg-irls", threeg.threeg_irls, 2, "generalized-Gaussian scatter by re-weighting", "Wang et al. CVPR 2019")
_row("sr-sop", gm_sop.sr_sop, 2, "covariance, square root of 3 steps", "Wang et al. NeurIPS 2018")
_row("gm-sop", gm_sop.gm_sop, 2, "gated mixture of square-root pools", "Wang et al. NeurIPS 2018 (GM-SOP)")
_row("gm-gap", gm_sop.gm_gap, 1, "gated mixture of averages: the control of gm-sop", "Wang et al. NeurIPS 2018")
_row("dropcov", gcp_opt.dropcov, 2, "adaptive channel drop, covariance", "Wang et al. NeurIPS 2022 (DropCov)")
_row(
    "crosscov",
    gcp_opt.crosscov,
    2,
    "multi-head cross-covariance of tokens",
    "Xie et al. 2021 (So-ViT)",
    projects=True,
)

_row("improved-bilinear", bilinear.improved_bilinear, 2, "second moment, matrix and signed root", "Lin, Maji BMVC 2017")
_row("random-maclaurin", bilinear.random_maclaurin, 2, "second moment in random forms", "Gao et al. CVPR 2016")
_row("low-rank", bilinear.low_rank, 2, "Hadamard product of two projections", "Kim et al. ICLR 2017 (MLB)")
_row("smso", bilinear.smso, 2, "variances along learned directions", "Yu, Salzmann ECCV 2018")
_row("run", bilinear.run, 2, "second moment, rank-one update", "Yu et al. ECCV 2020")
_row("g2denet", gaussian.g2denet, 2, "root of mean and covariance", "Wang et al. CVPR 2017", "gaussian")
_row("monet", gaussian.monet, 2, "sketched root of mean and covariance", "Gou et al. CVPR 2018")
_row("correlation", relations.correlation, 2, "correlation of the channels", "textbook")
_row("shrinkage", relations.shrinkage, 2, "shrunk covariance, square root", "Ledoit and Wolf 2004; Chen et al. 2010")
_row("isice", relations.isice, 2, "sparse inverse covariance", "Rahman et al. CVPR 2023")
_row("bdc", relations.bdc, 2, "Brownian distance covariance", "Xie et al. CVPR 2022 (DeepBDC)", "deepbdc")
_row("kernel", relations.kernel, 2, "Gaussian kernel matrix, square root", "Engin et al. ECCV 2018", "deepkspd")
_row("gsop", relations.gsop, 2, "covariance gate, covariance, square root", "Gao et al. CVPR 2019 (GSoP)")
_row("log-euclidean", spectra.log_euclidean, 2, "logarithm of the covariance", "Carreira et al. ECCV 2012 (O2P)", "o2p")
_row("log-cholesky", spectra.log_cholesky, 2, "Cholesky factor of the covariance", "Lin, SIMAX 2019")
_row("maxexp", spectra.maxexp, 2, "spectral MaxExp of the covariance", "Koniusz, Zhang TPAMI 2021")
_row("softpool", first_order.softpool, 1, "mean weighted by exponentials", "Stergiou et al. ICCV 2021")
_row("lse", first_order.lse, 1, "log-sum-exp of learned sharpness", "Pinheiro, Collobert CVPR 2015")
_row("attention", first_order.attention, 1, "mean weighted by learned scores", "Ilse et al. ICML 2018")
_row("netvlad", first_order.netvlad, 1, "residuals from learned centers", "Arandjelovic et al. CVPR 2016")
