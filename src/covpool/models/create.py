"""Put any pool on any backbone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from typing import Any, Literal, Protocol

import timm
from torch import Tensor, nn

from covpool.models.backbone import check_backbone, create_backbone, own_backbones
from covpool.models.features import Layout, read_features
from covpool.models.last_stride import keep_last_resolution
from covpool.models.named import Named, named_networks
from covpool.models.network import Head, Network
from covpool.models.probe import NoLayout, find_layout, has_fixed_size, probe_images, with_channels
from covpool.models.pruning import drop, prune
from covpool.pooling import create_pool, pools
from covpool.registry import check_options

AUTO_WIDTH = 256  # channels pooled by default: fast-MPN-COV's ResNets; 32,896 numbers


class ChoiceLike(Protocol):
    """A name with options, such as ``covpool.Choice("isqrt", steps=3)``."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


def create_network(
    backbone: str,
    pool: str | ChoiceLike = "isqrt",
    num_classes: int = 1000,
    *,
    pretrained: bool = False,
    reduce_to: int | Literal["auto"] | None = "auto",
    last_stride: int | None = None,
    drop_rate: float = 0.0,
    pool_options: Mapping[str, Any] | None = None,
    backbone_options: Mapping[str, Any] | None = None,
    layout: str | None = None,
    pruned: Sequence[str] | None = None,
) -> Network:
    """A network of any backbone and any pool.

    Args:
        backbone: a timm name (``resnet50``, ``vit_small_patch16_224.dino``), ``conv4``, or a whole network of
            ``named_networks`` (``resnet50_isqrt``), which brings its pool, ``reduce_to`` and ``last_stride``.
        pool: a name of ``covpool.list_pools()``, or a ``Choice`` with options.
        num_classes: 0 gives the pooled vector instead of logits.
        pretrained: weights of the backbone, from an installed package or through timm.
        reduce_to: channels that are pooled, after a 1x1 convolution. ``"auto"`` (default): 256 where a second-order
            pool meets more than 256 channels, since C channels become C(C+1)/2 numbers, 2.1 million for a ResNet-50,
            and a classifier of that width does not train; None: all channels.
        last_stride: 1 keeps the resolution of the last but one stage, four times the positions, as the published
            networks do; None (default) leaves the backbone as it is.
        drop_rate: dropout of the pooled vector.
        pool_options: options of the pool, such as ``{"steps": 3}``.
        backbone_options: options of timm's model, such as ``{"img_size": 384, "drop_path_rate": 0.1}``.
        layout: how to read the backbone's features (``NHWC``, ``tokens:prefix=5``); None: found by running it once.
        pruned: parts of the backbone to drop; None: found by running it once. Stored by a network for its rebuilding.

    Raises:
        ValueError: unknown names (``UnknownName``), wrong options, a backbone that has no positions to pool, or
            weights that cannot be had; mistakes in the arguments are reported together.

    Example:
        >>> network = create_network("conv4", "covariance", num_classes=10)
        >>> network.head_hidden_size, network.architecture["layout"]
        (4656, 'NCHW')
    """
    row, options = _resolve(backbone, pool, pool_options, reduce_to, last_stride)
    _check_arguments(row, options, num_classes)
    extra = dict(backbone_options or {})
    body = create_backbone(row.backbone, extra, pretrained=pretrained)
    body, read, dropped = _adapt(body, row, extra, layout, pruned)
    channels = int(read.channels or body.num_features)  # type: ignore[arg-type]
    width = _width(row, channels)
    head = Head(create_pool(row.pool, channels, reduce_to=width, **options), num_classes, drop_rate)
    architecture = {
        "backbone": row.backbone,
        "pool": row.pool,
        "num_classes": num_classes,
        "reduce_to": width,
        "last_stride": row.last_stride,
        "drop_rate": drop_rate,
        "pool_options": options,
        "backbone_options": extra,
        "layout": str(read),
        "pruned": dropped,
    }
    return Network(body, head, read, _plain(architecture))


def list_networks(filter: str = "*") -> list[str]:
    """Names that ``create_network`` takes and that match a shell pattern: our networks and backbones, then timm's.

    Example:
        >>> list_networks("resnet50_isq*")
        ['resnet50_isqrt']
    """
    ours = [name for name in (*named_networks, *own_backbones) if fnmatch(name, filter)]
    registered = {*named_networks, "covpool_network"}  # timm lists them too, once covpool.timm is imported
    return [*ours, *(name for name in timm.list_models(filter) if name not in registered)]


def _resolve(
    backbone: str,
    pool: str | ChoiceLike,
    pool_options: Mapping[str, Any] | None,
    reduce_to: int | Literal["auto"] | None,
    last_stride: int | None,
) -> tuple[Named, dict[str, Any]]:
    """The row that is meant, of the table or made of the arguments, and the options of the pool."""
    name = pool if isinstance(pool, str) else pool.name
    name = pools.resolve(name) if name in pools else name
    options = {**({} if isinstance(pool, str) else pool.options), **(pool_options or {})}
    reduce_to = options.pop("reduce_to", reduce_to)
    if backbone not in named_networks:
        return Named(backbone=backbone, pool=name, reduce_to=reduce_to, last_stride=last_stride), options
    row = named_networks.get(backbone)
    if name not in ("isqrt", row.pool):  # "isqrt" is the default, hence perhaps not meant
        raise ValueError(
            f"{backbone!r} is a whole network with the pool {row.pool!r}; for {name!r} name its backbone: "
            f"create_network({row.backbone!r}, {name!r})"
        )
    width = row.reduce_to if reduce_to == "auto" else reduce_to
    return replace(row, reduce_to=width, last_stride=last_stride or row.last_stride), options


def _check_arguments(row: Named, options: Mapping[str, Any], num_classes: int) -> None:
    """All mistakes that can be told before anything is built, in one error."""
    mistakes: list[ValueError] = []
    try:
        preset = pools.get(row.pool)
    except ValueError as error:
        mistakes.append(error)
    else:
        given = ("in_features", "reduce_to")
        mistakes += map(ValueError, check_options("pool", row.pool, preset.build, options, given=given))
    try:
        check_backbone(row.backbone)
    except ValueError as error:
        mistakes.append(error)
    if num_classes < 0:
        mistakes.append(ValueError(f"num_classes must be 0 (the pooled vector) or more; got {num_classes}"))
    if row.last_stride not in (None, 1):
        mistakes.append(ValueError(f"last_stride is 1 or None (as the backbone has it); got {row.last_stride!r}"))
    if row.reduce_to not in ("auto", None) and not (isinstance(row.reduce_to, int) and row.reduce_to > 0):
        mistakes.append(ValueError(f"reduce_to is a number of channels, None or 'auto'; got {row.reduce_to!r}"))
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise ValueError("; ".join(map(str, mistakes)))


def _adapt(
    body: nn.Module, row: Named, options: Mapping[str, Any], layout: str | None, pruned: Sequence[str] | None
) -> tuple[nn.Module, Layout, list[str]]:
    """Find out, unless it is given, how to read the backbone and what of it is dead; change its stride."""
    body.eval()
    known = None if layout is None else Layout.parse(layout)
    if known is None or pruned is None or row.last_stride is not None:
        images = probe_images(body, options)
        known = known or find_layout(body, images)
        if row.last_stride is not None:
            keep_last_resolution(body, partial(_map, body, known, images))
    if pruned is None:
        features = _map(body, known, images)
        _check_positions(row, body, features)
        known = with_channels(known, body, features.shape[1])
        pruned = prune(body, partial(_map, body, known, images))
    else:
        drop(body, pruned)
    return body.train(), known, list(pruned)


def _map(body: nn.Module, layout: Layout, images: Tensor) -> Tensor:
    body.train().eval()  # LeViT and its kin cache in eval mode what a gradient would have to go through
    return read_features(body, layout, images).map


def _check_positions(row: Named, body: nn.Module, features: Tensor) -> None:
    """A backbone of one image size that leaves a single position can never feed a covariance."""
    if pools.get(row.pool).order == 2 and has_fixed_size(body) and features.shape[2] * features.shape[3] < 2:
        raise NoLayout(
            f"{row.pool} needs at least 2 positions; {row.backbone} at its fixed image size gives a map of "
            f"{features.shape[2]}x{features.shape[3]}. Build it for larger images, such as "
            "backbone_options={'img_size': 384}, or pass last_stride=1"
        )


def _width(row: Named, channels: int) -> int | None:
    if not isinstance(row.reduce_to, str):
        return row.reduce_to
    return AUTO_WIDTH if pools.get(row.pool).order == 2 and channels > AUTO_WIDTH else None


def _plain(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """The architecture as JSON gives it back, so that it is the same before and after it is stored."""
    try:
        return json.loads(json.dumps(architecture))
    except TypeError as error:
        raise ValueError(
            f"backbone_options and pool_options must be numbers, strings and lists, which can be stored: {error}"
        ) from error
