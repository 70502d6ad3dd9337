"""Assemble-ResNet (Lee et al. 2020): TensorFlow 1 names of the release clovaai/assembled-cnn <-> ours.

TensorFlow numbers the variables of a scope by themselves as the program creates them: ``conv2d``, ``conv2d_1``, ... A
number says nothing until the order of creation is known, which is spelled out below for every network:
``creation_order`` walks it as nets/resnet_model.py builds it. A ResNet has one scope, ``resnet_model``; a Big-Little
network has one for each branch of each stage.

Kernels are HWIO there and OIHW here, the classifier is transposed, and class 0 of 1001 is the background.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from covpool.weights.dialect import Arrays, Dialect
from covpool.weights.rename import Rule

ROOT = "resnet_model"
CHANNELS = 2048  # of the last map
CLASSES = 1001  # of ImageNet there
_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3)}
_BIG_LITTLE_BLOCKS = {50: (3, 4, 6, 3), 101: (4, 8, 18, 3), 152: (5, 12, 30, 3)}
_BETAS = {50: 4, 101: 4, 152: 2}  # by which the little branch is shallower
_NAME = re.compile(r"assembled/(?P<branched>bl-|assemble-)?resnet(?P<depth>\d+)(?P<deep>-d(?=-|$))?.*")

LEAVES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_HEAD = {
    "embedding_dense": "head.embedding.0",
    "embedding_dense_batch_normalization": "head.embedding.1",
    "dense": "head.classifier",
}

Places = Iterator[tuple[str, str]]  # layer there, layer here


class _Numbering:
    """TensorFlow's names: the first of a kind in a scope has no number, the second is _1.

    Example:
        >>> name = _Numbering()
        >>> name("stage4", "conv2d"), name("stage4", "conv2d"), name("stage0", "conv2d")
        ('resnet_model/stage4/conv2d', 'resnet_model/stage4/conv2d_1', 'resnet_model/stage0/conv2d')
    """

    def __init__(self) -> None:
        self.made: Counter[tuple[str, str]] = Counter()

    def __call__(self, scope: str, kind: str) -> str:
        number = self.made[scope, kind]
        self.made[scope, kind] += 1
        path = f"{ROOT}/{scope}/{kind}" if scope else f"{ROOT}/{kind}"
        return f"{path}_{number}" if number else path


def creation_order(network: str) -> Places:
    """Every layer with weights that a network may have, in the order in which the release creates them.

    Gates (``sk_block``, ``se_block``) and the embedding are listed whether the network has them or not: they have
    numbers of their own.

    Raises:
        ValueError: no name of an assembled network.

    Example:
        >>> dict(creation_order("assembled/resnet50"))["resnet_model/conv2d_1"]
        'backbone.stage1.0.shortcut.conv'
    """
    match = _NAME.fullmatch(network)
    table = _BIG_LITTLE_BLOCKS if match and match["branched"] else _BLOCKS
    if match is None or int(match["depth"]) not in table:
        raise ValueError(f"the order of weights is known for networks such as 'assembled/resnet50'; got {network!r}")
    depth, name = int(match["depth"]), _Numbering()
    stem = 3 if match["deep"] else 1
    body = (
        _big_little(name, stem, table[depth], _BETAS[depth]) if match["branched"] else _plain(name, stem, table[depth])
    )
    yield from body
    yield from ((f"{ROOT}/{theirs}", ours) for theirs, ours in _HEAD.items())


def _plain(name: _Numbering, stem: int, blocks: Sequence[int]) -> Places:
    for index in range(1, stem + 1):
        yield from _pair(name, "", f"backbone.stem.conv{index}", f"backbone.stem.bn{index}")
    for stage, count in enumerate(blocks, start=1):
        yield from _chain(name, "", f"backbone.stage{stage}", count)


def _big_little(name: _Numbering, stem: int, blocks: Sequence[int], beta: int) -> Places:
    for index in range(1, stem + 1):
        yield name("stage0", "conv2d"), f"backbone.stem.conv{index}"
        # the scope is opened a second time for the last norm, which gives it another name
        yield name("stage0" if index < stem else "stage0_1", "batch_normalization"), f"backbone.stem.bn{index}"
    for part in ("big", "little1", "little2", "little3", "merge"):
        yield from _pair(name, "stage0/pool", f"backbone.stem_pool.{part}.conv", f"backbone.stem_pool.{part}.bn")
    for stage, count in enumerate(blocks[:3], start=1):
        ours, little = f"backbone.stage{stage}", f"stage{stage}/little{stage}"
        yield from _chain(name, f"stage{stage}/big{stage}", f"{ours}.big", count - 1)
        yield from _chain(name, little, f"{ours}.little", max(1, count // beta - 1))
        yield from _pair(name, little, f"{ours}.expand", f"{ours}.expand_bn")
        yield from _chain(name, f"stage{stage}/merge{stage}", f"{ours}.merge", 1)
    yield from _chain(name, "stage4", "backbone.stage4", blocks[3])


def _chain(name: _Numbering, scope: str, ours: str, blocks: int) -> Places:
    for index in range(blocks):
        yield from _block(name, scope, f"{ours}.{index}", projects=index == 0)


def _block(name: _Numbering, scope: str, ours: str, *, projects: bool) -> Places:
    if projects:
        yield from _pair(name, scope, f"{ours}.shortcut.conv", f"{ours}.shortcut.bn")
    yield from _pair(name, scope, f"{ours}.conv1", f"{ours}.bn1")
    yield from _pair(name, scope, f"{ours}.conv2", f"{ours}.bn2")
    kernel = name(scope, "sk_block")
    yield f"{kernel}/sk_fc_1", f"{ours}.act2.sk.squeeze"
    yield f"{kernel}/batch_normalization", f"{ours}.act2.sk.bn"
    yield f"{kernel}/sk_fc_2", f"{ours}.act2.sk.excite"
    yield from _pair(name, scope, f"{ours}.conv3", f"{ours}.bn3")
    gate = name(scope, "se_block")
    yield f"{gate}/seblock_dense_1", f"{ours}.se.squeeze"
    yield f"{gate}/seblock_dense_2", f"{ours}.se.excite"


def _pair(name: _Numbering, scope: str, conv: str, bn: str) -> Places:
    yield name(scope, "conv2d"), conv
    yield name(scope, "batch_normalization"), bn


def _read(array: Tensor) -> Tensor:
    """HWIO -> OIHW, (in, out) -> (out, in); vectors as they are."""
    return array.permute(3, 2, 0, 1) if array.dim() == 4 else _transposed(array)


def _write(array: Tensor) -> Tensor:
    return array.permute(2, 3, 1, 0) if array.dim() == 4 else _transposed(array)


def _transposed(array: Tensor) -> Tensor:
    return array.t() if array.dim() == 2 else array


def _read_embedding(kernel: Tensor) -> Tensor:
    return kernel.flatten(0, -2).t() if kernel.dim() == 4 else kernel  # a 1x1 convolution there


def _without_background(array: Tensor) -> Tensor:
    return _read(array)[1:]


_BESIDE = (  # what a checkpoint of the training program holds beside the network
    Rule(r".+/Momentum(:0)?", None),
    Rule(r"(.+/)?(global_step|loss_scale|current_loss_scale|good_steps)(:0)?", None),
)


def _rules(network: str, *, read_classes: Callable[[Tensor], Tensor] = _read) -> Sequence[Rule]:
    places = dict(creation_order(network))

    def place(match: re.Match[str]) -> str:
        layer = places.get(match["layer"])
        return match[0] if layer is None else f"{layer}.{LEAVES[match['leaf']]}"  # its own name fits no network

    return (
        *_BESIDE,
        Rule(rf"{ROOT}/dense/(kernel|bias)(:0)?", lambda match: f"head.classifier.{LEAVES[match[1]]}", read_classes),
        Rule(rf"{ROOT}/embedding_dense/kernel(:0)?", "head.embedding.0.weight", _read_embedding),
        Rule(rf"(?P<layer>{ROOT}/.+)/(?P<leaf>{'|'.join(LEAVES)})(:0)?", place, _read),
    )


def _recognises(arrays: Arrays) -> bool:
    return any(name.startswith(f"{ROOT}/") for name in arrays)


def _options(arrays: Arrays) -> dict[str, Any]:
    """The number of classes, the length of the embedding, and the size of a map that is flattened."""
    found: dict[str, Any] = {}
    if (bias := _find(arrays, "dense/bias")) is not None:
        found["num_classes"] = bias.numel()
    pooled = _find(arrays, "dense/kernel")
    if (embedding := _find(arrays, "embedding_dense/kernel")) is not None and embedding.dim() == 4:
        found["embedding"] = embedding.shape[-1]
        pooled = embedding.flatten(0, -2)
    if pooled is not None and pooled.dim() == 2 and pooled.shape[0] > CHANNELS:
        found["pool_options"] = {"positions": pooled.shape[0] // CHANNELS}
    return found


def _find(arrays: Arrays, name: str) -> Tensor | None:
    return next((arrays[key] for key in (f"{ROOT}/{name}", f"{ROOT}/{name}:0") if key in arrays), None)


def _options_without_background(arrays: Arrays) -> dict[str, Any]:
    found = _options(arrays)
    if found.get("num_classes") != CLASSES:
        raise ValueError(
            f"only a classifier of ImageNet's {CLASSES} classes has the background as its first; this file's has "
            f"{found.get('num_classes')}. Read it as 'tensorflow', which keeps every class"
        )
    return {**found, "num_classes": CLASSES - 1}


def _export(state: Arrays, network: str) -> dict[str, Tensor]:
    arrays: dict[str, Tensor] = {}
    for theirs, ours in creation_order(network):
        for leaf in _leaves(state, ours):
            array = _write(state[f"{ours}.{LEAVES[leaf]}"])
            square = theirs == f"{ROOT}/embedding_dense"
            arrays[f"{theirs}/{leaf}"] = (array[None, None] if square else array).contiguous()
    return arrays


def _leaves(state: Mapping[str, Tensor], ours: str) -> tuple[str, ...]:
    """The variables of a layer there: a norm has four, a convolution one, the classifier two; an absent layer none."""
    if f"{ours}.running_mean" in state:
        return ("gamma", "beta", "moving_mean", "moving_variance")
    return tuple(leaf for leaf in ("kernel", "bias") if f"{ours}.{LEAVES[leaf]}" in state)


DIALECTS = (
    Dialect(name="tensorflow", recognises=_recognises, rules=_rules, options=_options, export=_export),
    Dialect(  # asked for by name: the same files, without the background class
        name="tensorflow-1000",
        recognises=lambda arrays: False,
        rules=partial(_rules, read_classes=_without_background),
        options=_options_without_background,
    ),
)
