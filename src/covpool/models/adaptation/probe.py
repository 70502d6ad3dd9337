"""Find out, with one forward pass, how a backbone lays out its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from covpool.models.features import Layout

PROBE_LIMIT = 128  # pixels; a layout does not depend on the size, so flexible backbones are probed no larger

# Families whose class token is not announced by num_prefix_tokens, and those that return a list of branches. The
# last branch is taken: the coarsest of CoaT, the large patches of CrossViT, the final map of EfficientViM.
_FAMILIES = {
    "Cait": Layout(kind="tokens", prefix=1),
    "VOLO": Layout(kind="tokens", prefix=1),
    "CoaT": Layout(kind="tokens", prefix=1, branch=-1),
    "CrossVit": Layout(kind="tokens", prefix=1, branch=-1),
    "EfficientViM": Layout(kind="NCL", branch=-1),
}
_SUMMARY_ONLY = ("PoolingVisionTransformer",)
_NORMS_AFTER_POOLING = ("fc_norm", "head.norm")


class NoLayout(ValueError):
    """The features of a backbone cannot be pooled, or how they are laid out cannot be told."""


def image_shape(backbone: nn.Module, options: Mapping[str, Any]) -> tuple[int, int, int]:
    """Channels, height and width of the images a backbone is made for."""
    cfg = getattr(backbone, "pretrained_cfg", None) or {}
    channels, height, width = cfg.get("input_size", (3, 224, 224))
    size = options.get("img_size")
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
    return int(options.get("in_chans", channels)), int(height), int(width)


def has_fixed_size(backbone: nn.Module) -> bool:
    """Whether a backbone takes images of one size only."""
    cfg = getattr(backbone, "pretrained_cfg", None) or {}
    traits = getattr(backbone, "_traits", None) or {}
    return bool(traits.get("fixed_input_size", cfg.get("fixed_input_size", False)))


def probe_images(backbone: nn.Module, options: Mapping[str, Any]) -> Tensor:
    """An image to probe with; always the same one, whatever the state of the random generators."""
    channels, height, width = image_shape(backbone, options)
    if not has_fixed_size(backbone) and max(height, width) > PROBE_LIMIT:
        smaller = _images(backbone, channels, PROBE_LIMIT, PROBE_LIMIT)
        if _runs(backbone, smaller):
            return smaller
    return _images(backbone, channels, height, width)


def find_layout(backbone: nn.Module, images: Tensor) -> Layout:
    """The layout of ``backbone.forward_features``, found by running it.

    Raises:
        NoLayout: a class token only, a list of an unknown family, or a shape that tells nothing.
    """
    name = type(backbone).__name__
    if name in _SUMMARY_ONLY:
        raise NoLayout(
            f"{name} returns its class token only, which leaves no positions to pool; "
            "choose a backbone with a feature map, such as 'deit_small_patch16_224'"
        )
    output = _run(backbone, images)
    layout = _of_family(backbone, output) or _of_shape(backbone, output, images)
    channels = layout.count_channels(output)
    return replace(with_channels(layout, backbone, channels), norm=_norm_after_pooling(backbone, channels))


def with_channels(layout: Layout, backbone: nn.Module, channels: int) -> Layout:
    """``layout`` with its channels written down where ``num_features`` does not tell them."""
    return replace(layout, channels=None if channels == getattr(backbone, "num_features", None) else channels)


def _of_family(backbone: nn.Module, output: Any) -> Layout | None:
    ancestors = [cls.__name__ for cls in type(backbone).__mro__]
    layout = next((_FAMILIES[name] for name in ancestors if name in _FAMILIES), None)
    if layout is not None and isinstance(output, Tensor):  # the small ones of a family have one branch only
        return replace(layout, branch=None)
    return layout


def _of_shape(backbone: nn.Module, output: Any, images: Tensor) -> Layout:
    name = type(backbone).__name__
    if not isinstance(output, Tensor):
        raise NoLayout(
            f"{name}.forward_features returns a {type(output).__name__}, not one tensor; "
            "pass layout='tokens:branch=-1' (or 'NCHW:branch=-1') to take its last entry"
        )
    width = int(getattr(backbone, "num_features", 0))
    if output.ndim == 4:
        return _of_map(backbone, output, images, width)
    if output.ndim == 3 and output.shape[-1] == width:
        prefix = _prefix(backbone, output.shape[1])
        return Layout(kind="tokens", prefix=prefix, summary=not prefix or _has_class_token(backbone))
    raise NoLayout(
        f"the features of {name} have the shape {tuple(output.shape)}, in which its {width} channels are not found; "
        "pass layout='NCHW', 'NHWC' or 'tokens:prefix=1'"
    )


def _of_map(backbone: nn.Module, output: Tensor, images: Tensor, width: int) -> Layout:
    if str(getattr(backbone, "output_fmt", "")).endswith("NHWC") and output.shape[3] == width:
        return Layout(kind="NHWC")
    fits = [kind for kind, dim in (("NCHW", 1), ("NHWC", 3)) if output.shape[dim] == width]
    if len(fits) == 2:  # as many columns as channels: a wider image moves one of the two
        wider = _run(backbone, images.repeat(1, 1, 1, 2))
        fits = ["NCHW" if wider.shape[1] == width and wider.shape[3] != width else "NHWC"]
    if not fits:
        raise NoLayout(
            f"the features of {type(backbone).__name__} have the shape {tuple(output.shape)}, in which its {width} "
            "channels are not found; pass layout='NCHW' or 'NHWC'"
        )
    return Layout(kind=fits[0])


def _prefix(backbone: nn.Module, length: int) -> int:
    announced = getattr(backbone, "num_prefix_tokens", None)
    if announced is not None:
        return int(announced)
    for prefix in (0, 1, 2):
        positions = length - prefix
        if positions > 1 and isqrt(positions) ** 2 == positions:
            return prefix
    raise NoLayout(
        f"cannot tell how many of the {length} tokens of {type(backbone).__name__} are class tokens; "
        "pass layout='tokens:prefix=1' (or as many as there are)"
    )


def _has_class_token(backbone: nn.Module) -> bool:
    announced = getattr(backbone, "has_class_token", None)
    return getattr(backbone, "cls_token", 0) is not None if announced is None else bool(announced)


def _norm_after_pooling(backbone: nn.Module, channels: int) -> str | None:
    """The norm over channels that a family applies after its own pooling, if it has one with parameters."""
    modules = dict(backbone.named_modules())
    for name in _NORMS_AFTER_POOLING:
        shape = getattr(modules.get(name), "normalized_shape", None)
        if shape is not None and tuple(shape) == (channels,) and any(True for _ in modules[name].parameters()):
            return name
    return None


def _images(backbone: nn.Module, channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1, channels, height, width, generator=generator, device="cpu")
    like = next(backbone.parameters(), images)
    return images.to(like.device, like.dtype)


def _runs(backbone: nn.Module, images: Tensor) -> bool:
    try:
        _run(backbone, images)
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def _run(backbone: nn.Module, images: Tensor) -> Any:
    """The backbone's raw features of ``images``, without a gradient."""
    with torch.no_grad():
        return backbone.forward_features(images)  # type: ignore[operator]
