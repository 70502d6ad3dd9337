"""GM-SOP (Wang et al. NeurIPS 2018): the parameters of the MatConvNet networks of ZilinGao/GM-SOP <-> ours.

A MatConvNet network names its parameters ``<layer>_f`` (filters H x W x Cin x Cout), ``<layer>_b`` (biases C x 1) and
``<layer>_bn_w``, ``_bn_b``, ``_bn_m`` (scale, shift, and a matrix C x 2 of mean and *deviation*). MATLAB drops trailing
dimensions of 1, and readers may drop all of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from covpool.weights.dialect import Arrays, Dialect
from covpool.weights.published.triangles import lower_to_upper, upper_to_lower
from covpool.weights.rename import Rule

EPS = 1e-5  # cnn_init_resnet_GM.m; inside the stored deviation, and inside our batch norm
ACTIVE = 8  # candidates of an image in every released network; no parameter tells it
_CANDIDATE = r"CM_(\d+)_([a-z])_f"
_POINTWISE = r"(conv\d_\d+_adapt_conv|gating\d+|CM_.+|prediction)_f"

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Row:
    """One parameter: its name there and here, and what is done to it on the way here and on the way back."""

    theirs: str
    ours: str
    read: Change
    write: Change


def _filters(array: Tensor) -> Tensor:
    array = _with_dims(array, 4)
    return array.permute(3, 2, 0, 1) if array.dim() == 4 else array


def _linear(array: Tensor) -> Tensor:
    return _pointwise(array).mT


def _vector(array: Tensor) -> Tensor:
    return array.flatten() if max(array.shape, default=1) == array.numel() else array


def _variance(sigma: Tensor) -> Tensor:
    """MatConvNet divides by the stored deviation, which has eps in it; we add eps to the variance."""
    return (sigma.double().square() - EPS).clamp(min=0).to(sigma.dtype)


def _as_filters(weight: Tensor) -> Tensor:
    return weight.permute(2, 3, 1, 0)


def _as_pointwise(weight: Tensor) -> Tensor:
    return weight.mT[None, None]


def _as_column(vector: Tensor) -> Tensor:
    return vector[:, None]


def _as_deviation(variance: Tensor) -> Tensor:
    return (variance.double() + EPS).sqrt().to(variance.dtype)[:, None]


def _rows(network: str) -> Iterator[Row]:
    """Every parameter that a network of the release can have, in the order of the release."""
    come, go = (lower_to_upper, upper_to_lower) if network.endswith("-sop") else (_same, _same)
    yield Row("conv1_f", "backbone.conv1.weight", _filters, _as_filters)
    yield Row("conv1_b", "backbone.conv1.bias", _vector, _as_column)
    yield from _norm("conv1_bn", "backbone.bn1")
    for theirs, conv, norm in (*_residual(4), *_gating(4)):
        yield Row(f"{theirs}_f", f"{conv}.weight", _filters, _as_filters)
        yield from _norm(f"{theirs}_bn", norm)
    for theirs, ours in {"gating_w": "weight", "gating_noise_w": "noise_weight"}.items():
        yield Row(theirs, f"head.pool.gate.{ours}", lambda a: come(_with_dims(a, 2).mT).mT, lambda a: go(a.mT).mT)
    for index, letter in enumerate("ab"):
        yield Row(f"CM_*_{letter}_f", f"head.pool.candidates.weights.{index}", _same, _same)
    yield from _norm("fusion_bn_bn", "head.pool.normalize", come, go)
    yield Row("prediction_f", "head.classifier.weight", lambda a: come(_linear(a)), lambda a: _as_pointwise(go(a)))
    yield Row("prediction_b", "head.classifier.bias", _vector, _as_column)


def _residual(most_units: int) -> Iterator[tuple[str, str, str]]:
    """Their layer, our convolution and our norm, of the stages conv2..conv5."""
    for stage in (2, 3, 4, 5):
        for unit in range(1, most_units + 1):
            ours = f"backbone.layer{stage - 1}.{unit - 1}"
            yield f"conv{stage}_{unit}_adapt_conv", f"{ours}.downsample.0", f"{ours}.downsample.1"
            yield f"conv{stage}_{unit}a", f"{ours}.conv1", f"{ours}.bn1"
            yield f"conv{stage}_{unit}b", f"{ours}.conv2", f"{ours}.bn2"


def _gating(most: int) -> Iterator[tuple[str, str, str]]:
    for number in range(1, most + 1):
        ours = f"head.pool.gate.features.{number - 1}"
        yield f"gating{number}", f"{ours}.conv", f"{ours}.norm"


def _norm(theirs: str, ours: str, come: Change | None = None, go: Change | None = None) -> Iterator[Row]:
    come, go = come or _same, go or _same
    yield Row(f"{theirs}_w", f"{ours}.weight", lambda a: come(_vector(a)), lambda a: _as_column(go(a)))
    yield Row(f"{theirs}_b", f"{ours}.bias", lambda a: come(_vector(a)), lambda a: _as_column(go(a)))
    yield Row(f"{theirs}_m(:,1)", f"{ours}.running_mean", lambda a: come(_vector(a)), lambda a: _as_column(go(a)))
    yield Row(f"{theirs}_m(:,2)", f"{ours}.running_var", lambda a: come(_variance(a)), lambda a: _as_deviation(go(a)))


def _same(array: Tensor) -> Tensor:
    return array


def _prepare(arrays: Arrays, network: str) -> dict[str, Tensor]:
    """Each matrix of moments as two vectors, the filters of all candidates as one array (M, Cout, Cin)."""
    banks = _banks(arrays)
    stacked = {f"CM_*_{letter}_f": torch.stack([_linear(a) for a in bank]) for letter, bank in banks.items()}
    single: dict[str, Tensor] = {}
    for name, array in arrays.items():
        if name.endswith("_bn_m") and array.shape[-1:] == (2,) and array.dim() <= 2:
            single[f"{name}(:,1)"], single[f"{name}(:,2)"] = array.reshape(-1, 2).unbind(1)
        elif re.fullmatch(_POINTWISE, name):
            match = re.fullmatch(_CANDIDATE, name)
            single |= {} if match and match[2] in banks else {name: _pointwise(array)[None, None]}
        else:
            single[name] = array
    return {**single, **stacked}


def _banks(arrays: Arrays) -> dict[str, list[Tensor]]:
    """The filters of the candidates 1..M by their letter; only where all M are there and have one shape."""
    found: dict[str, dict[int, Tensor]] = defaultdict(dict)
    for name, array in arrays.items():
        if match := re.fullmatch(_CANDIDATE, name):
            found[match[2]][int(match[1])] = array
    return {
        letter: [bank[number] for number in sorted(bank)]
        for letter, bank in sorted(found.items())
        if sorted(bank) == list(range(1, len(bank) + 1)) and len({a.shape for a in bank.values()}) == 1
    }


def _options(arrays: Arrays) -> dict[str, Any]:
    """Classes, candidates and all widths of the mixture; the file of WRN-36-2-GM-SOP may differ from its script."""
    classes = {"num_classes": arrays["prediction_b"].numel()} if "prediction_b" in arrays else {}
    banks = _banks(arrays)
    if "a" not in banks:
        return classes
    widths = [_pointwise(bank[0]).shape[1] for bank in banks.values()]
    gates = [arrays[f"gating{number}_f"] for number in range(1, 5) if f"gating{number}_f" in arrays]
    mixture = {
        "candidates": len(banks["a"]),
        "active": min(ACTIVE, len(banks["a"])),
        "hidden": widths[0] if len(widths) > 1 else 0,
        "gate": [_pointwise(gate).shape[1] for gate in gates],
    }
    return {**classes, "reduce_to": widths[-1], "pool_options": mixture}


def _hint(arrays: Arrays) -> str | None:
    count = len(_banks(arrays).get("a", ()))
    if count in (0, 2 * ACTIVE):
        return None
    return (
        f"the file has {count} candidates and no parameter tells how many of them an image uses; {min(ACTIVE, count)} "
        "are assumed. Pass pool_options={'active': K} to create_network if it is another number"
    )


def _export(state: Arrays, network: str) -> dict[str, Tensor]:
    written = {row.theirs: row.write(state[row.ours]) for row in _rows(network) if row.ours in state}
    arrays: dict[str, Tensor] = {}
    for name, array in written.items():
        if name.endswith("(:,1)"):
            arrays[name.removesuffix("(:,1)")] = torch.cat([array, written[name.replace("(:,1)", "(:,2)")]], dim=1)
        elif name.startswith("CM_*"):
            arrays |= {} if name != "CM_*_a_f" else _candidates(written)
        elif not name.endswith("(:,2)"):
            arrays[name] = array
    return {name: array.contiguous() for name, array in arrays.items()}


def _candidates(written: dict[str, Tensor]) -> dict[str, Tensor]:
    """CM_1_a_f, CM_1_b_f, CM_2_a_f, ... in the order of the release."""
    banks = {name: array for name, array in written.items() if name.startswith("CM_*")}
    return {
        name.replace("*", str(number + 1)): _as_pointwise(bank[number])
        for number in range(len(banks["CM_*_a_f"]))
        for name, bank in banks.items()
    }


def _pointwise(array: Tensor) -> Tensor:
    """Filters of 1x1, 1 x 1 x Cin x Cout with or without its dimensions of 1, as (Cin, Cout)."""
    if array.dim() > 2 and array.shape[:2] == (1, 1):
        array = array[0, 0]
    return _with_dims(array, 2)


def _with_dims(array: Tensor, dims: int) -> Tensor:
    """The array with the trailing dimensions of 1 that MATLAB drops."""
    return array.reshape(*array.shape, *[1] * (dims - array.dim()))


def _recognises(arrays: Arrays) -> bool:
    return "conv1_f" in arrays and "prediction_f" in arrays


def _rules(network: str) -> Sequence[Rule]:
    return [Rule(re.escape(row.theirs), row.ours, row.read) for row in _rows(network)]


DIALECTS = (
    Dialect(
        name="matconvnet",
        recognises=_recognises,
        rules=_rules,
        prepare=_prepare,
        options=_options,
        export=_export,
        hint=_hint,
    ),
)
