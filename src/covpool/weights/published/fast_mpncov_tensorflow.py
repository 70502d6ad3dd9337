"""The TensorFlow release XuChunqiao/Tensorflow-Fast-MPNCOV: variables in the order of ``get_weights()`` <-> our names.

The names of its variables count the layers that were built before, so the order is the contract. It is that of our
own modules: convolution, then batch norm (gamma, beta, mean, variance); a shortcut after the block's other layers.
Convolutions are HWIO there, dense layers (in, out). Its ``.mat`` files hold vectors as one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from covpool.weights.dialect import Arrays
from covpool.weights.rename import Rule

_NORM = ("weight", "bias", "running_mean", "running_var")
_REDUCE = ("head.pool.reduce.conv.weight", *(f"head.pool.reduce.norm.{name}" for name in _NORM))

# network -> convolutions of a block, blocks of each stage
_RESNETS = {
    "resnet18": (2, (2, 2, 2, 2)),
    "resnet26": (3, (2, 2, 2, 2)),
    "resnet34": (2, (3, 4, 6, 3)),
    "resnet50": (3, (3, 4, 6, 3)),
    "resnet101": (3, (3, 4, 23, 3)),
    "resnet152": (3, (3, 8, 36, 3)),
    **{f"cifar-resnet{6 * n + 2}": (2, (n, n, n)) for n in (3, 5, 7, 9, 18, 200)},
    **{f"cifar-resnet{9 * n + 2}": (3, (n, n, n)) for n in (18, 111)},
}
_PREACTIVATED = {
    "cifar-preact-resnet110": (2, (18, 18, 18)),
    "cifar-preact-resnet164": (3, (18, 18, 18)),
    "cifar-preact-resnet1001": (3, (111, 111, 111)),
}
# Modules of VGG-D that have weights: each of these is a convolution, followed by its norm
_VGG_D = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)
_SEQUENTIAL = {"vgg-d": _VGG_D, "vgg16-bn-mpncov": _VGG_D}


def names(network: str) -> list[str]:
    """Our names of the variables in their order, the dense layers, which come last, left out.

    Raises:
        ValueError: the release does not have the network.
    """
    full = network.partition("/")[2]
    model = re.sub(r"-(gavp|bcnn|mpncov)$", "", full)
    if full in _SEQUENTIAL:
        found = _sequential(_SEQUENTIAL[full])
    elif model in _RESNETS:
        found = _residual(*_RESNETS[model])
    elif model in _PREACTIVATED:
        found = _preactivated(*_PREACTIVATED[model])
    else:
        raise ValueError(
            f"{network} is not of the TensorFlow release (its plain VGGs are Keras's, for BGR images in 0..255); "
            f"it has: {', '.join([*_SEQUENTIAL, *_RESNETS, *_PREACTIVATED])}"
        )
    return [*(f"backbone.{name}" for name in found), *_REDUCE]


def _norm(module: str) -> Iterator[str]:
    return (f"{module}.{name}" for name in _NORM)


def _sequential(convolutions: tuple[int, ...]) -> Iterator[str]:
    for index in convolutions:
        yield from (f"features.{index}.weight", f"features.{index}.bias")
        yield from _norm(f"features.{index + 1}")


def _residual(convolutions: int, blocks: tuple[int, ...]) -> Iterator[str]:
    yield "conv1.weight"
    yield from _norm("bn1")
    for block, is_widening in _blocks(convolutions, blocks):
        for number in range(1, convolutions + 1):
            yield f"{block}.conv{number}.weight"
            yield from _norm(f"{block}.bn{number}")
        if is_widening:
            yield f"{block}.downsample.0.weight"
            yield from _norm(f"{block}.downsample.1")


def _preactivated(convolutions: int, blocks: tuple[int, ...]) -> Iterator[str]:
    yield "conv1.weight"
    for block, is_widening in _blocks(convolutions, blocks):
        for number in range(1, convolutions + 1):
            yield from _norm(f"{block}.bn{number}")
            yield f"{block}.conv{number}.weight"
        if is_widening:
            yield f"{block}.downsample.weight"
    yield from _norm("norm")


def _blocks(convolutions: int, blocks: tuple[int, ...]) -> Iterator[tuple[str, bool]]:
    """Each block, and whether it changes the width: the first of a stage, in stage one only of bottlenecks."""
    for stage, count in enumerate(blocks, start=1):
        for index in range(count):
            yield f"layer{stage}.{index}", index == 0 and (stage > 1 or convolutions == 3)


def recognises(arrays: Arrays) -> bool:
    """Whether the names are numbers, as ``convert`` makes them of a list."""
    return bool(arrays) and all(name.isdigit() for name in arrays)


def label_dense(arrays: Arrays, network: str) -> dict[str, Tensor]:
    """Dense layers named by their place among them, ``"83 dense 1 of 3 kernel"``: a classifier has one or three."""
    kernels = _dense(arrays)
    labels = {}
    for place, name in enumerate(kernels, start=1):
        bias = str(int(name) + 1)
        labels[name] = f"{name} dense {place} of {len(kernels)} kernel"
        labels[bias] = f"{bias} dense {place} of {len(kernels)} bias"
    return {labels.get(name, name): array for name, array in arrays.items()}


def rules(network: str) -> list[Rule]:
    """The number of a variable says what it is, the dense layers apart."""
    order = dict(enumerate(names(network)))
    return [
        Rule(r"(\d+)", lambda m: order.get(int(m[1]), f"variable {m[1]}"), _to_torch),  # beyond the last: no such name
        Rule(r"\d+ dense 1 of 1 kernel", "head.classifier.weight", _transposed),
        Rule(r"\d+ dense 1 of 1 bias", "head.classifier.bias", _to_torch),
        Rule(r"\d+ dense (\d) of \d kernel", lambda m: f"{_hidden_layer(int(m[1]))}.weight", _transposed),
        Rule(r"\d+ dense (\d) of \d bias", lambda m: f"{_hidden_layer(int(m[1]))}.bias", _to_torch),
    ]


def options(arrays: Arrays) -> dict[str, Any]:
    """Classes, hidden layers of the classifier and channels of the reduction."""
    kernels = [arrays[name] for name in _dense(arrays)]
    found: dict[str, Any] = {"reduce_to": _reduction(arrays)}
    if kernels:
        hidden = [kernel.shape[1] for kernel in kernels[:-1]]
        found |= {"num_classes": kernels[-1].shape[1], "hidden": hidden}
    return found


def export(state: Arrays, network: str) -> dict[str, Tensor]:
    """The list of variables as ``{"0": ..., "1": ...}``, for ``set_weights()``; counters of batches have no place."""
    order = [name for name in names(network) if name in state]
    classifier = sorted(name for name in state if name.startswith("head.classifier."))
    order += [name.removesuffix("bias") + kind for name in classifier if name.endswith("bias") for kind in _LINEAR]
    left = [name for name in state if name not in order and not name.endswith("num_batches_tracked")]
    if left:
        raise ValueError(f"{network}: the TensorFlow release has no place for {', '.join(left[:5])}")
    return {str(index): _to_tensorflow(state[name]) for index, name in enumerate(order)}


_LINEAR = ("weight", "bias")


def _hidden_layer(place: int) -> str:
    return f"head.classifier.{3 * (place - 1)}"  # linear, ReLU, dropout, linear, ...


def _dense(arrays: Arrays) -> list[str]:
    """Names of the kernels of dense layers: matrices of more than the one row that a ``.mat`` makes of a vector."""
    return [name for name, array in arrays.items() if array.dim() == 2 and len(array) > 1]


def _reduction(arrays: Arrays) -> int | None:
    """Width of the last convolution where it is a reduction: 1x1, and not the end of a bottleneck (1x1, 3x3, 1x1)."""
    kernels = [array for array in arrays.values() if array.dim() == 4]
    sizes = [kernel.shape[0] for kernel in kernels[-3:]]
    return kernels[-1].shape[3] if sizes[-1:] == [1] and sizes != [1, 3, 1] else None


def _to_torch(array: Tensor) -> Tensor:
    if array.dim() == 4:
        return array.permute(3, 2, 0, 1).to(torch.float32)
    return (array.flatten() if array.dim() == 2 and len(array) == 1 else array).to(torch.float32)


def _transposed(array: Tensor) -> Tensor:
    return array.mT.to(torch.float32)


def _to_tensorflow(array: Tensor) -> Tensor:
    if array.dim() == 4:
        return array.permute(2, 3, 1, 0).contiguous()
    return (array.mT if array.dim() == 2 else array).contiguous()
