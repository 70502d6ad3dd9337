"""fast MPN-COV (Li et al. CVPR 2018): names of the PyTorch release jiangtaoxie/fast-MPN-COV <-> ours.

One network comes in three layouts: the class of ``mpncovresnet.py``, and what ``main.py`` makes of it by cutting it
into features, representation and classifier, once from scratch and once for fine-tuning. ``main.py`` wraps the
features in DataParallel (``features.module.``) or everything in DistributedDataParallel (``module.``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from covpool.weights.dialect import Arrays, Dialect
from covpool.weights.published import fast_mpncov_tensorflow as tensorflow
from covpool.weights.published.fast_mpncov_hashes import hashes, is_compact_bilinear
from covpool.weights.published.triangles import lower_to_upper, told_order, upper_to_lower
from covpool.weights.rename import Rule

_STAGES = ("layer1", "layer2", "layer3", "layer4")
_REDUCE, _REDUCE_NORM, _CLASSIFIER = "head.pool.reduce.conv", "head.pool.reduce.norm", "head.classifier"
_RESIDUAL = {  # children of a ResNet by their number; 2 and 3 are ReLU and max-pool
    "features.0": "backbone.conv1",
    "features.1": "backbone.bn1",
    **{f"features.{4 + index}": f"backbone.{stage}" for index, stage in enumerate(_STAGES)},
}
_INCEPTION = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", None, "Conv2d_3b_1x1", "Conv2d_4a_3x3", None),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)
_HEAD = {
    "representation.conv_dr_block.0": _REDUCE,
    "representation.conv_dr_block.1": _REDUCE_NORM,
    "classifier": _CLASSIFIER,
}
_ALEXNET = {"classifier.1": f"{_CLASSIFIER}.0", "classifier.4": f"{_CLASSIFIER}.3", "classifier.6": f"{_CLASSIFIER}.6"}

# Modules of each layout, theirs -> ours, for each family of backbones; the first that fits a name counts.
CLASS = {
    "resnet": {
        **{name: f"backbone.{name}" for name in ("conv1", "bn1", *_STAGES)},
        "layer_reduce": _REDUCE,
        "layer_reduce_bn": _REDUCE_NORM,
        "fc": _CLASSIFIER,
    },
}
SCRATCH = {
    "resnet": {**_RESIDUAL, **_HEAD},
    "vgg": {"features": "backbone.features", **_HEAD},
    "densenet": {"features": "backbone.features", **_HEAD},
    "alexnet": {"features": "backbone.features", **_ALEXNET, **_HEAD},
    "inception": {**{f"features.{i}": f"backbone.{name}" for i, name in enumerate(_INCEPTION) if name}, **_HEAD},
}
FINETUNE = {
    "resnet": {
        **_RESIDUAL,
        "features.8": _REDUCE,
        "features.9": _REDUCE_NORM,
        "classifier": _CLASSIFIER,
    },
}
_Layouts = Mapping[str, Mapping[str, str]]


def _modules(layouts: _Layouts, network: str) -> Mapping[str, str]:
    family = re.split(r"[\d-]", network.partition("/")[2])[0]
    if family not in layouts:
        raise ValueError(f"{network} is not written in this layout, which is that of {', '.join(layouts)}")
    return layouts[family]


def _pattern(theirs: str) -> str:
    return r"(?:module\.)?" + re.escape(theirs).replace("features", r"features(?:\.module)?", 1) + r"\.(.+)"


def _rules(layouts: _Layouts, network: str) -> list[Rule]:
    renamed = [Rule(_pattern(theirs), rf"{ours}.\1") for theirs, ours in _modules(layouts, network).items()]
    own = Rule(r"(head\.pool\.describe\..+)", r"\1")  # the hashes that _with_hashes has put there
    return [own, *renamed] if is_compact_bilinear(network) else renamed


def _legacy_rules(network: str) -> list[Rule]:
    classifier = Rule(r"(?:module\.)?fc\.weight", f"{_CLASSIFIER}.weight", lower_to_upper)
    return [classifier, *_rules(CLASS, network)]


def _with_hashes(arrays: Arrays, network: str) -> Arrays:
    """CBP draws its hashes anew in every process and stores none; they follow from the seed."""
    return {**arrays, **hashes(network)} if is_compact_bilinear(network) else arrays


def _bare(arrays: Arrays) -> dict[str, Tensor]:
    """Without the prefixes of DataParallel and DistributedDataParallel."""
    return {re.sub(r"^module\.|(?<=^features\.)module\.", "", name): array for name, array in arrays.items()}


def _options(arrays: Arrays) -> dict[str, Any]:
    """Classes, hidden layers of the classifier and channels of the reduction."""
    bare = _bare(arrays)
    linear = [array for name, array in bare.items() if re.fullmatch(r"(fc|classifier(\.\d+)?)\.weight", name)]
    found: dict[str, Any] = {"reduce_to": _reduction(bare)}
    if linear:
        hidden = [len(array) for array in linear[:-1]]
        found |= {"num_classes": len(linear[-1]), "hidden": hidden, "drop_rate": 0.5 if hidden else 0.0}
    return found


def _reduction(bare: Arrays) -> int | None:
    names = ("layer_reduce.weight", "representation.conv_dr_block.0.weight")
    found = next((bare[name] for name in names if name in bare), None)
    if found is None and _is_finetune(bare):
        found = bare["features.8.weight"]
    return None if found is None else len(found)


def _is_class(arrays: Arrays) -> bool:
    return {"conv1.weight", "fc.weight"} <= set(_bare(arrays))


def _is_finetune(arrays: Arrays) -> bool:
    return {"features.4.0.conv1.weight", "features.8.weight", "features.9.running_mean"} <= set(_bare(arrays))


def _is_scratch(arrays: Arrays) -> bool:
    return {"features", "classifier"} <= {name.partition(".")[0] for name in _bare(arrays)}


def _export(layouts: _Layouts, state: Arrays, network: str) -> dict[str, Tensor]:
    modules = _modules(layouts, network)
    expected = hashes(network) if is_compact_bilinear(network) else {}
    if not all(state[name].equal(array) for name, array in expected.items()):
        raise ValueError(f"{network}: the PyTorch release cannot hold other hashes than its own (seed 1); these differ")
    exported = {}
    for name, array in state.items():
        if name in expected:
            continue
        theirs = next((t for t, ours in modules.items() if name.startswith(f"{ours}.")), None)
        if theirs is None:
            raise ValueError(f"{network}: this layout has no place for {name}")
        exported[theirs + name.removeprefix(modules[theirs])] = array
    return exported


def _export_legacy(state: Arrays, network: str) -> dict[str, Tensor]:
    arrays = _export(CLASS, state, network)
    return {name: upper_to_lower(array) if name == "fc.weight" else array for name, array in arrays.items()}


def _order(bare: Arrays) -> str | None:
    weight = bare.get("fc.weight", bare.get("classifier.weight"))
    return None if weight is None or _reduction(bare) is None else told_order(weight)


def _legacy_hint(arrays: Arrays) -> str | None:
    """PyTorch counts batches since 0.4.1 (July 2018), so that a file without counters is as old as the old order."""
    bare = _bare(arrays)
    order = _order(bare)
    if order == "lower":
        return "its classifier looks trained on the lower triangle; convert with dialect='pytorch-legacy'"
    counted = any(name.endswith("num_batches_tracked") for name in bare)
    if order is not None or counted or "layer_reduce.weight" not in bare:
        return None
    return (
        "these weights were saved by a PyTorch of before mid-2018, and until December 2018 the release took the lower "
        "triangle; if the network gets 0.1 % right, convert with dialect='pytorch-legacy' (fast-MPN-COV issue 20)"
    )


def _current_hint(arrays: Arrays) -> str | None:
    if _order(_bare(arrays)) != "upper":
        return None
    return "its classifier looks trained on the upper triangle, which is today's; convert with dialect='pytorch'"


DIALECTS = (
    Dialect(
        name="pytorch",
        recognises=_is_class,
        rules=partial(_rules, CLASS),
        prepare=_with_hashes,
        options=_options,
        export=partial(_export, CLASS),
        hint=_legacy_hint,
    ),
    Dialect(
        name="newmodel-finetune",
        recognises=_is_finetune,
        rules=partial(_rules, FINETUNE),
        options=_options,
        export=partial(_export, FINETUNE),
    ),
    Dialect(
        name="newmodel",
        recognises=_is_scratch,
        rules=partial(_rules, SCRATCH),
        prepare=_with_hashes,
        options=_options,
        export=partial(_export, SCRATCH),
    ),
    Dialect(
        name="tensorflow",
        recognises=tensorflow.recognises,
        rules=tensorflow.rules,
        prepare=tensorflow.label_dense,
        options=tensorflow.options,
        export=tensorflow.export,
    ),
    # The order of the weights before 2018-12-26 (commit e68a5ee): the names are the same, so nobody can recognise it.
    Dialect(
        name="pytorch-legacy",
        recognises=lambda arrays: False,
        rules=_legacy_rules,
        options=_options,
        export=_export_legacy,
        hint=_current_hint,
    ),
)
