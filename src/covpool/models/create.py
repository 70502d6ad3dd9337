"""Put any pool on any backbone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fnmatch import fnmatch
from functools import partial
from typing import Any, Literal

import timm
import torch
from torch import Tensor, nn

from covpool.models.adaptation import (
    NoLayout,
    drop,
    find_layout,
    has_fixed_size,
    keep_last_resolution,
    probe_images,
    prune,
    with_channels,
)
from covpool.models.backbone import WeightsUnavailable, create_backbone, own_backbones
from covpool.models.features import Layout, read_features
from covpool.models.heads import Head
from covpool.models.named import Named, named_networks
from covpool.models.network import Network
from covpool.models.published import published_networks
from covpool.models.resolve import ChoiceLike, check_row, resolve
from covpool.models.techniques import apply_techniques, plain
from covpool.pooling import create_pool, pools

AUTO_WIDTH = 256  # channels pooled by default: fast-MPN-COV's ResNets; 32,896 numbers


def create_network(
    backbone: str,
    pool: str | ChoiceLike | None = None,
    num_classes: int | None = None,
    *,
    pretrained: bool = False,
    reduce_to: int | Literal["auto"] | None = "auto",
    last_stride: int | None = None,
    drop_rate: float | None = None,
    hidden: Sequence[int] | None = None,
    embedding: int | None = None,
    summary: Literal["sum", "concat"] | None = None,
    pool_options: Mapping[str, Any] | None = None,
    backbone_options: Mapping[str, Any] | None = None,
    techniques: Sequence[str | Mapping[str, Any] | ChoiceLike] | None = None,
    layout: str | None = None,
    pruned: Sequence[str] | None = None,
) -> Network:
    """A network of any backbone and any pool.

    Args:
        backbone: a timm name (``resnet50``, ``vit_small_patch16_224.dino``), ``conv4``, or a whole network of
            ``named_networks`` (``resnet50_isqrt``) or ``published_networks`` (``gm_sop/wrn36-gm-sop``), which brings
            its own value of everything below that is left at its default.
        pool: a name of ``covpool.list_pools()``, or a ``Choice`` with options; None: ``isqrt``.
        num_classes: None: 1000; 0 gives the pooled vector instead of logits.
        pretrained: weights of the backbone, from an installed package or through timm.
        reduce_to: channels that are pooled, after a 1x1 convolution. ``"auto"`` (default): 256 where a second-order
            pool meets more than 256 channels, since C channels become C(C+1)/2 numbers, 2.1 million for a ResNet-50,
            and a classifier of that width does not train (not for ``crosscov``, which makes narrow descriptors
            itself); None: all channels.
        last_stride: 1 keeps the resolution of the last but one stage, four times the positions, as the published
            networks do; None (default) leaves the backbone as it is.
        drop_rate: dropout of the vector that the classifier sees; None: 0.
        hidden: lengths of hidden layers of the classifier, ``(4096, 4096)`` in VGG; None: none.
        embedding: length of an embedding between the pool and the classifier, for retrieval; None: no such layer.
        summary: what becomes of a transformer's class token: ``"sum"``, its own classifier, added; ``"concat"``, put
            in front of the pooled vector; None (default): not used.
        pool_options: options of the pool, such as ``{"steps": 3}``.
        backbone_options: options of timm's model, such as ``{"img_size": 384, "drop_path_rate": 0.1}``.
        techniques: what changes the backbone, in this order: names of ``covpool.models.techniques``, choices with
            options, or mappings such as ``{"name": "se", "ratio": 8}``; None: as the backbone is.
        layout: how to read the backbone's features (``NHWC``, ``tokens:prefix=5``); None: found by running it once.
        pruned: parts of the backbone to drop; None: found by running it once. Stored by a network for its rebuilding.

    Raises:
        ValueError: unknown names (``UnknownName``), wrong options, a backbone that has no positions to pool, a
            technique that finds nothing to change, or weights that cannot be had; mistakes in the arguments are
            reported together.

    Example:
        >>> network = create_network("conv4", "covariance", num_classes=10)
        >>> network.head_hidden_size, network.architecture["layout"]
        (4656, 'NCHW')
    """
    given = {
        "reduce_to": reduce_to,
        "last_stride": last_stride,
        "num_classes": num_classes,
        "drop_rate": drop_rate,
        "hidden": hidden,
        "embedding": embedding,
        "summary": summary,
        "pool_options": pool_options,
        "backbone_options": backbone_options,
        "techniques": None if techniques is None else [plain(choice) for choice in techniques],
        "layout": layout,
        "pruned": pruned,
    }
    row = resolve(backbone, pool, given)
    check_row(row, pretrained=pretrained)
    body = _body(backbone, row, pretrained)
    body, read, dropped = _adapt(body, row)
    channels = int(read.channels or body.num_features)  # type: ignore[arg-type]
    width = _width(row, channels)
    head = _head(row, channels, width, read)
    architecture = {
        **asdict(row),
        "backbone": backbone if backbone in published_networks else row.backbone,
        "reduce_to": width,
        "layout": str(read),
        "pruned": dropped,
    }
    network = Network(body, head, read, _plain(architecture))
    if backbone in published_networks:
        network.pretrained_cfg.update(published_networks.get(backbone).config)
    return network


def skeleton(network: str, **options: Any) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the state dict of ``create_network(network, **options)``, which is built without memory."""
    with torch.device("meta"):
        built = create_network(network, **options)
    return {name: tuple(tensor.shape) for name, tensor in built.state_dict().items()}


def list_networks(filter: str = "*") -> list[str]:
    """Names that ``create_network`` takes and that match a shell pattern: our networks and backbones, then timm's.

    Example:
        >>> list_networks("resnet50_isq*")
        ['resnet50_isqrt']
    """
    ours = [name for name in (*published_networks, *named_networks, *own_backbones) if fnmatch(name, filter)]
    registered = {*named_networks, "covpool_network"}  # timm lists them too, once covpool.timm is imported
    return [*ours, *(name for name in timm.list_models(filter) if name not in registered)]


def _body(name: str, row: Named, pretrained: bool) -> nn.Module:
    if pretrained and name in published_networks:
        raise WeightsUnavailable(f"no weights of {name!r} come with covpool; {published_networks.get(name).advice}")
    backbone = create_backbone(row.backbone, row.backbone_options, pretrained=pretrained)
    return apply_techniques(backbone, row.techniques, backbone_options=row.backbone_options)


def _head(row: Named, channels: int, width: int | None, layout: Layout) -> Head:
    if row.summary is not None and not (layout.prefix and layout.summary):
        raise ValueError(
            f"summary={row.summary!r} needs a backbone with a class token; {row.backbone} has none. Leave summary out"
        )
    pool = create_pool(row.pool, channels, reduce_to=width, **row.pool_options)
    return Head(
        pool,
        row.num_classes,
        row.drop_rate,
        hidden=row.hidden,
        embedding=row.embedding,
        summary=row.summary,
        summary_features=channels if row.summary else 0,
    )


def _adapt(body: nn.Module, row: Named) -> tuple[nn.Module, Layout, list[str]]:
    """Find out, unless it is given, how to read the backbone and what of it is dead; change its stride."""
    body.eval()
    known, pruned = None if row.layout is None else Layout.parse(row.layout), row.pruned
    if known is None or pruned is None or row.last_stride is not None:
        images = probe_images(body, row.backbone_options)
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
    preset = pools.get(row.pool)
    return AUTO_WIDTH if preset.order == 2 and not preset.projects and channels > AUTO_WIDTH else None


def _plain(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """The architecture as JSON gives it back, so that it is the same before and after it is stored."""
    try:
        return json.loads(json.dumps(architecture))
    except TypeError as error:
        raise ValueError(
            f"backbone_options and pool_options must be numbers, strings and lists, which can be stored: {error}"
        ) from error
