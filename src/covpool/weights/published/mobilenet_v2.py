"""Modules of torchvision's MobileNetV2 -> modules of timm's ``mobilenetv2_100``."""

from __future__ import annotations

_BLOCKS_PER_STAGE = (1, 2, 3, 4, 3, 3, 1)  # Sandler et al. CVPR 2018, table 2


def mobilenet_v2_modules(stem: str, *, first: int) -> dict[str, str]:
    """The module names of ``features`` and of the stem, with those of timm under ``backbone``.

    Args:
        stem: the module with the first convolution (``.0``) and norm (``.1``): ``features.0`` in torchvision.
        first: index in ``features`` of the first block: 1 in torchvision.

    Example:
        >>> mobilenet_v2_modules("features.0", first=1)["features.2.conv.2"]
        'backbone.blocks.1.0.conv_pwl'
    """
    modules = {f"{stem}.0": "backbone.conv_stem", f"{stem}.1": "backbone.bn1"}
    index = first
    for stage, count in enumerate(_BLOCKS_PER_STAGE):
        for block in range(count):
            layers = _PLAIN if stage == 0 else _EXPANDED
            ours = f"backbone.blocks.{stage}.{block}"
            modules |= {f"features.{index}.conv.{theirs}": f"{ours}.{layer}" for theirs, layer in layers.items()}
            index += 1
    return {**modules, f"features.{index}.0": "backbone.conv_head", f"features.{index}.1": "backbone.bn2"}


# The first block does not expand its input and has one convolution fewer.
_PLAIN = {"0.0": "conv_dw", "0.1": "bn1", "1": "conv_pw", "2": "bn2"}
_EXPANDED = {"0.0": "conv_pw", "0.1": "bn1", "1.0": "conv_dw", "1.1": "bn2", "2": "conv_pwl", "3": "bn3"}
