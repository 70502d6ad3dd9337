"""3G-Net (Wang et al. CVPR 2019): names of the release csqlwang/3G-Net <-> ours, and the order of its triangle.

The release stores the ``state_dict`` of a ``nn.DataParallel``: torchvision's ResNet with ``layer_reduce``, three gates
``AtMp1..3`` and ``fc``, all behind ``module.``.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from covpool.weights.dialect import Arrays, Dialect
from covpool.weights.published.triangles import lower_to_upper, upper_to_lower
from covpool.weights.rename import Rule

PREFIX = "module."

_GATE = {  # block AtMp -> PositionGate, in the order of the file
    "map1": "left.conv",
    "bn1": "left.norm",
    "map2": "right.conv",
    "bn2": "right.norm",
    "map21": "skip.conv",
    "bn21": "skip.norm",
    "map3": "mix_left.conv",
    "bn3": "mix_left.norm",
    "map4": "mix_right.conv",
    "bn4": "mix_right.norm",
    "atmap1": "hidden.conv",
    "bnat1": "hidden.norm",
    "atmap2": "score",
    "atmap3": "again",
}
MODULES = {  # theirs -> ours
    **{name: f"backbone.{name}" for name in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")},
    "layer_reduce": "head.pool.reduce.conv",
    "layer_reduce_bn": "head.pool.reduce.norm",
    **{
        f"AtMp{number}.{theirs}": f"head.pool.reweight.gates.{number - 1}.{ours}"
        for number in (1, 2, 3)
        for theirs, ours in _GATE.items()
    },
    "fc": "head.classifier",
}


def _recognises(arrays: Arrays) -> bool:
    return any(name.removeprefix(PREFIX).startswith("AtMp1.") for name in arrays)


def _options(arrays: Arrays) -> dict[str, Any]:
    """The number of classes: 1000 for ImageNet, 365 for Places365, another one after fine-tuning."""
    bias = arrays.get(f"{PREFIX}fc.bias", arrays.get("fc.bias"))
    return {} if bias is None else {"num_classes": bias.numel()}


def _export(state: Arrays, network: str) -> dict[str, Tensor]:
    places = [(theirs, f"{ours}.") for theirs, ours in MODULES.items()]
    arrays = {
        f"{PREFIX}{theirs}.{name.removeprefix(ours)}": array
        for theirs, ours in places
        for name, array in state.items()
        if name.startswith(ours)
    }
    classifier = f"{PREFIX}fc.weight"
    return {name: upper_to_lower(array) if name == classifier else array for name, array in arrays.items()}


RULES = (
    Rule(r"(?:module\.)?fc\.weight", "head.classifier.weight", lower_to_upper),
    *(Rule(rf"(?:module\.)?{re.escape(theirs)}\.(.+)", rf"{ours}.\1") for theirs, ours in MODULES.items()),
)

DIALECTS = (Dialect(name="pytorch", recognises=_recognises, rules=RULES, options=_options, export=_export),)
