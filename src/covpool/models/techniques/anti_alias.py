"""Anti-aliasing: a low-pass filter takes over the strides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn

from covpool.models.architectures.assembled.blur import Blur
from covpool.models.techniques.body import ACTIVATIONS, NORMS, Body, follower
from covpool.models.techniques.places import chosen_places
from covpool.models.techniques.selective_kernel import SelectiveConvolution

_PLACES = {
    "sconv": "convolutions of 3x3 or more with stride 2 behind the stem",
    "max": "max-pools of stride 2",
    "proj": "1x1 convolutions of stride 2",
}


def anti_alias(body: Body, *, kernel: int = 3, places: str | Iterable[str] | None = None) -> None:
    """A binomial filter halves the map behind a convolution or pool, which then has stride 1.

    Args:
        body: whose strides are taken over; that of the convolution which reads the image stays.
        kernel: pixels of the filter, 2 to 7; 3 as in Assemble-ResNet.
        places: among ``sconv`` (strided convolutions of 3x3 and more: the filter follows their norm and activation),
            ``max`` (max-pools) and ``proj`` (strided 1x1 convolutions of shortcuts: the filter comes first), as a
            list or as ``sconv+max``. None (default): all that the backbone has. Assemble-ResNet chose ``sconv``.

    Raises:
        ValueError: a kernel or place that there is not; a place that the backbone has not.
    """
    found = {place: find(body) for place, find in _FINDERS.items()}
    wanted = chosen_places(body, "places", places, found, _PLACES, without_any="Non-overlapping patches stay")
    filters = {place: Blur(kernel) for place in wanted}  # a wrong size is told before anything is changed
    for place in filters:
        for path, module in found[place].items():
            _CHANGES[place](body, path, module, kernel)


def _strided(body: Body, kind: type[nn.Module] = nn.Conv2d) -> dict[str, Any]:
    """The modules of this kind with stride 2 that do not read the image."""
    image = body.graph.nodes[0]
    return {
        path: module
        for path, module in body.modules(kind).items()
        if _pair(module.stride) == (2, 2) and (kind is not nn.Conv2d or body.graph.given[path][0] is not image)
    }


def _wide(body: Body) -> dict[str, Any]:
    return {path: conv for path, conv in _strided(body).items() if min(conv.kernel_size) > 2}


def _pools(body: Body) -> dict[str, Any]:
    return {path: pool for path, pool in _strided(body, nn.MaxPool2d).items() if not pool.ceil_mode}


def _projections(body: Body) -> dict[str, Any]:
    return {path: conv for path, conv in _strided(body).items() if tuple(conv.kernel_size) == (1, 1)}


def _blur_wide(body: Body, path: str, conv: Any, kernel: int) -> None:
    conv.stride = (1, 1)
    body.after(_behind(body, path), Blur(kernel))


def _blur_pool(body: Body, path: str, pool: Any, kernel: int) -> None:
    pool.stride = (1, 1)
    body.after(path, Blur(kernel))


def _blur_projection(body: Body, path: str, conv: Any, kernel: int) -> None:
    conv.stride = (1, 1)
    body.replace(path, nn.Sequential(Blur(kernel), conv))


_FINDERS: Mapping[str, Callable[[Body], dict[str, Any]]] = {"sconv": _wide, "max": _pools, "proj": _projections}
_CHANGES: Mapping[str, Callable[[Body, str, Any, int], None]] = {
    "sconv": _blur_wide,
    "max": _blur_pool,
    "proj": _blur_projection,
}


def _behind(body: Body, path: str) -> str:
    """The module behind which the convolution's output has its norm and activation."""
    parent = path.rpartition(".")[0]
    if isinstance(body.module(parent), SelectiveConvolution):
        return parent  # the gate sees the full resolution, as in Assemble-ResNet
    node, place = body.graph.given[path][1], path
    for names in (NORMS, ACTIVATIONS):
        following = follower(node, names)
        slot = None if following is None else body.slot(following, parent)
        if following is not None and slot is not None:
            node, place = following, slot
    return place


def _pair(stride: Any) -> tuple[int, int]:
    return (stride, stride) if isinstance(stride, int) else tuple(stride)
