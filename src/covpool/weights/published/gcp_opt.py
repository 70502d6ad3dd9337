"""Names in the convolutional networks of DropCov and GCP-OPT -> names of ours, and back.

Three dialects: ``pytorch`` (``mingzeG/DropCov``, ``ZhangLi-CS/GCP_Optimization``), ``landscape``, the copies that
the latter analyses, and ``mindspore`` (``Terror03/GCP-OPT``, ``Sherry1945/Dropcov_mindspore``). A table of modules
says both ways; only the leaves of MindSpore have other names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from covpool.weights.dialect import Arrays, Dialect
from covpool.weights.published.mobilenet_v2 import mobilenet_v2_modules
from covpool.weights.rename import Rule, rename

Modules = Mapping[str, str]  # module of the release -> module of our network

_RESNET = {name: f"backbone.{name}" for name in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")}
_SHUFFLENET = {name: f"backbone.{name}" for name in ("conv1", "stage2", "stage3", "stage4", "conv5")}
_CLASSIFIER = {"fc": "head.classifier"}


def _reduction(conv: str, norm: str) -> dict[str, str]:
    return {conv: "head.pool.reduce.conv", norm: "head.pool.reduce.norm"}


_MOBILE_REDUCTION = _reduction("dimension_reduction.0", "dimension_reduction.1")

# A module that only networks of this kind have -> all of their modules.
PYTORCH: Mapping[str, Modules] = {
    "backbone.layer1": {
        **_RESNET,
        **_reduction("layer_reduce", "layer_reduce_bn"),
        "eca_layer.conv": "head.pool.reweight.filter",
        **_CLASSIFIER,
    },
    "backbone.conv_stem": {
        **mobilenet_v2_modules("features.0", first=1),
        **_MOBILE_REDUCTION,
        "classifier.1": "head.classifier",
    },
    "backbone.stage2": {**_SHUFFLENET, **_MOBILE_REDUCTION, **_CLASSIFIER},
}
LANDSCAPE: Mapping[str, Modules] = {
    "backbone.layer1": {**_RESNET, **_reduction("Layer_Reduce", "Layer_Reduce_BN"), **_CLASSIFIER},
    "backbone.conv_stem": {**mobilenet_v2_modules("conv1", first=0), **_MOBILE_REDUCTION, **_CLASSIFIER},
}

_NORM_LEAVES = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
_OURS_TO_NORM = {ours: theirs for theirs, ours in _NORM_LEAVES.items()}
_MINDSPORE_HEAD = {**_reduction("layer_reduce", "layer_reduce_bn"), **_CLASSIFIER}
_WRAPPERS = r"(?:(?:network|_backbone|backbone)\.)*"  # of training cells that were saved whole
_OPTIMIZER = (  # what a training checkpoint holds besides: state of each parameter, and counters
    r"(?:.+\.)?(?:moments?|moment[12]|accum|stat|velocity|mean_square|m_hat|v_hat)\..+"
    r"|(?:.+\.)?(?:learning_rate|global_step|momentum|weight_decay|beta[12]_power|loss_scale|scale_sense|epoch_num"
    r"|step_num|current_epoch|current_step|current_iterator_step|last_overflow_iterator_step)"
)


def _rules(families: Mapping[str, Modules]) -> list[Rule]:
    modules = {theirs: ours for family in families.values() for theirs, ours in family.items()}
    longest_first = sorted(modules, key=len, reverse=True)
    return [Rule(rf"(?:module\.)?{re.escape(name)}\.(.+)", rf"{modules[name]}.\1") for name in longest_first]


def _rules_back(families: Mapping[str, Modules], state: Arrays) -> list[Rule]:
    for marker, modules in families.items():
        if any(name.startswith(f"{marker}.") for name in state):
            return [Rule(rf"{re.escape(ours)}\.(.+)", rf"{theirs}.\1") for theirs, ours in modules.items()]
    raise ValueError(
        f"only the networks of {', '.join(families)} can be written so; got {next(iter(state), 'nothing')}"
    )


def _for_pytorch(families: Mapping[str, Modules]) -> Callable[[str], Sequence[Rule]]:
    rules = _rules(families)

    def of(network: str) -> Sequence[Rule]:
        if "/mindspore-" in network:
            raise _other_framework("PyTorch", network, network.replace("/mindspore-", "/"))
        return rules

    return of


def _for_mindspore(network: str) -> Sequence[Rule]:
    if "/mindspore-" not in network:
        raise _other_framework("MindSpore", network, network.replace("/", "/mindspore-"))
    blocks = r"layer[1-4]\.\d+\.(?:conv\d|bn\dd?|down_sample_layer\.[01])"
    leaves = "|".join([*_NORM_LEAVES, "weight", "bias"])
    return [
        Rule(
            rf"{_WRAPPERS}eca_layer\.conv\.weight", "head.pool.reweight.filter.weight", lambda array: array.squeeze(2)
        ),
        Rule(
            rf"{_WRAPPERS}(?P<module>conv1|bn1|{blocks}|{'|'.join(_MINDSPORE_HEAD)})\.(?P<leaf>{leaves})",
            _from_mindspore,
        ),
        Rule(_OPTIMIZER, None),
    ]


def _other_framework(came: str, network: str, other: str) -> ValueError:
    return ValueError(
        f"these are names of {came}, whose networks pad and normalise otherwise than {network}: the weights would fit "
        f"and compute something else. Import them as {other}"
    )


def _from_mindspore(match: re.Match[str]) -> str:
    module, leaf = match["module"], match["leaf"]
    plain = re.sub(r"(bn\d)d$", r"\1", module).replace("down_sample_layer", "downsample")
    return f"{_MINDSPORE_HEAD.get(module, f'backbone.{plain}')}.{_NORM_LEAVES.get(leaf, leaf)}"


def _to_mindspore(state: Arrays, network: str) -> dict[str, Tensor]:
    _for_mindspore(network)  # refuses other networks
    basic = "backbone.layer1.0.conv3.weight" not in state
    heads = {ours: theirs for theirs, ours in _MINDSPORE_HEAD.items()}
    arrays = {}
    for name, array in state.items():
        module, _, leaf = name.rpartition(".")
        if module == "head.pool.reweight.filter":
            arrays["eca_layer.conv.weight"] = array.unsqueeze(2)
        elif leaf != "num_batches_tracked":
            is_norm = re.search(r"bn\d$|downsample\.1$|norm$", module) is not None
            plain = module.removeprefix("backbone.").replace("downsample", "down_sample_layer")
            if basic and plain.startswith("layer"):
                plain = re.sub(r"(bn\d)$", r"\1d", plain)
            arrays[f"{heads.get(module, plain)}.{_OURS_TO_NORM[leaf] if is_norm else leaf}"] = array
    return arrays


def _exporter(families: Mapping[str, Modules]) -> Callable[[Arrays, str], Arrays]:
    def write(state: Arrays, network: str) -> Arrays:
        arrays, ledger = rename(state, _rules_back(families, state))
        if ledger.unmatched:
            raise ValueError(f"{network} has {', '.join(ledger.unmatched[:3])}, for which this layout has no name")
        return arrays

    return write


_CLASSES = ("fc.weight", "classifier.1.weight")
_WIDTHS = ("layer_reduce.weight", "Layer_Reduce.weight", "dimension_reduction.0.weight")


def _options(arrays: Arrays) -> dict[str, Any]:
    """Classes and pooled channels, which the releases' README leave open: 1000 or 1001, 64 to 256."""
    classes, width = _rows(arrays, _CLASSES), _rows(arrays, _WIDTHS)
    return {
        **({} if classes is None else {"num_classes": classes}),
        **({} if width is None else {"reduce_to": width}),
    }


def _rows(arrays: Arrays, names: Sequence[str]) -> int | None:
    plain = {_unwrapped(name): array for name, array in arrays.items()}
    return next((int(plain[name].shape[0]) for name in names if name in plain and plain[name].ndim), None)


def _unwrapped(name: str) -> str:
    return re.sub(rf"^(?:module\.|{_WRAPPERS})", "", name)


def _holds(*wanted: str) -> Callable[[Arrays], bool]:
    """Whether one of these names is there."""
    return lambda arrays: not {_unwrapped(name) for name in arrays}.isdisjoint(wanted)


DIALECTS = (
    Dialect(
        name="mindspore",
        recognises=_holds("bn1.gamma", "bn1.moving_mean"),
        rules=_for_mindspore,
        options=_options,
        export=_to_mindspore,
    ),
    Dialect(
        name="landscape",
        # Their first block is number 0, which is the stem's number elsewhere.
        recognises=_holds("Layer_Reduce.weight", "features.0.conv.0.0.weight"),
        rules=_for_pytorch(LANDSCAPE),
        options=_options,
        export=_exporter(LANDSCAPE),
    ),
    Dialect(
        name="pytorch",
        recognises=_holds(*_CLASSES),
        rules=_for_pytorch(PYTORCH),
        options=_options,
        export=_exporter(PYTORCH),
    ),
)
