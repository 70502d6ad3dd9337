"""ResNet-D: a stem of three small convolutions, and shortcuts that average before they project."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from torch import nn

from covpool.models.techniques.body import ACTIVATIONS, Body, Norm2d, follower, sized_norm
from covpool.models.techniques.places import chosen_places

_PARTS = {
    "stem": "a 7x7 convolution of stride 2 that reads the image",
    "shortcuts": "shortcuts with a 1x1 convolution of stride 2",
}


def resnet_d(body: Body, *, parts: str | Iterable[str] | None = None) -> None:
    """Three 3x3 convolutions in place of a 7x7 one, and a 2x2 average in place of a stride that skips three of four.

    The structure is timm's ``stem_type="deep"`` with ``avg_down``: ``resnet-d`` on ``resnet50`` gives ``resnet50d``,
    names of the parameters included.

    Args:
        body: whose stem and shortcuts are changed.
        parts: ``stem`` (a 7x7 convolution of stride 2 that reads the image) and ``shortcuts`` (with a 1x1
            convolution of stride 2), as a list or as ``stem+shortcuts``. None (default): those that the backbone has.

    Raises:
        ValueError: a part that there is not, or that the backbone has not.
    """
    found = {"stem": _stems(body), "shortcuts": _shortcuts(body)}
    wanted = chosen_places(body, "parts", parts, found, _PARTS, without_any="Its downsampling is of another kind")
    for part in wanted:
        for path, conv in found[part].items():
            _CHANGES[part](body, path, conv)


def _stems(body: Body) -> dict[str, Any]:
    image = body.graph.nodes[0]
    return {
        path: conv
        for path, conv in body.modules(nn.Conv2d).items()
        if (tuple(conv.kernel_size), tuple(conv.stride), conv.groups) == ((7, 7), (2, 2), 1)
        and body.graph.given[path][0] is image
    }


def _deepen(body: Body, path: str, conv: Any) -> None:
    half = conv.out_channels // 2
    first, second = (_norm_and_act(body, path, half) for _ in range(2))
    layers = [_small(conv.in_channels, half, 2), *first, _small(half, half), *second, _small(half, conv.out_channels)]
    body.replace(path, nn.Sequential(*layers))


def _small(in_features: int, out_features: int, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(in_features, out_features, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


def _norm_and_act(body: Body, path: str, width: int) -> list[nn.Module]:
    """Fresh ones of the kind that follows the convolution; batch norm and ReLU where nothing does."""
    normed = follower(body.graph.given[path][1], ("batch_norm",))
    if normed is None or not isinstance(body.module(normed.owner), Norm2d):
        return [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    norm = sized_norm(body.module(normed.owner), width)
    active = follower(normed, ACTIVATIONS)
    if active is not None and f"{active.owner}.".startswith(f"{normed.owner}."):
        return [norm]
    module = None if active is None else body.module(active.owner)
    plain = module is not None and not list(module.children()) and not list(module.parameters())
    return [norm, deepcopy(module) if module is not None and plain else nn.ReLU(inplace=True)]


def _average(body: Body, path: str, conv: Any) -> None:
    """Put the average, or at stride 1 nothing, in front of the convolution; in a sequence as timm numbers it."""
    strided = tuple(conv.stride) == (2, 2)
    conv.stride = (1, 1)
    pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False) if strided else nn.Identity()
    owner, _, leaf = path.rpartition(".")
    around = body.module(owner)
    if type(around) is nn.Sequential and leaf == "0":
        body.replace(owner, nn.Sequential(pool, *around))
    elif strided:
        body.replace(path, nn.Sequential(pool, conv))


def _shortcuts(body: Body) -> dict[str, Any]:
    """1x1 convolutions that project a shortcut: those of stride 2 and, where there are some, of stride 1 too."""
    projected = [each for each in body.residuals if each.projected]
    ways = {node for each in projected for node in each.shortcut.ancestors(since=each.source.index + 1)}
    made = {path: body.graph.given[path][1] for path in body.modules(nn.Conv2d)}
    convs: dict[str, Any] = {path: body.module(path) for path, node in made.items() if node in ways}
    small = {path: conv for path, conv in convs.items() if tuple(conv.kernel_size) == (1, 1)}
    return small if any(tuple(conv.stride) == (2, 2) for conv in small.values()) else {}


_CHANGES = {"stem": _deepen, "shortcuts": _average}
