"""Which parameters learn, how fast and with what decay; the optimizer itself is timm's."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from math import prod
from typing import Any

from timm.models import group_parameters
from timm.optim import create_optimizer_v2, get_optimizer_info, list_optimizers
from torch import Tensor, nn
from torch.optim import Optimizer

from covpool.models.techniques.batch_norm import hold_batch_norms
from covpool.recipes import OptimizerSpec
from covpool.registry import unknown

CLASSIFIER = "head.classifier."
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


def optimizer_mistakes(name: str) -> list[str]:
    """What is wrong with an optimizer's name: unknown to timm's factory, or a kind that this loop cannot drive."""
    plain = name.lower().removeprefix("lookahead_")
    if plain not in list_optimizers():
        return [unknown("optimizer", name, list_optimizers())]
    if get_optimizer_info(plain).second_order:
        return [f"the optimizer {name!r} needs second derivatives, which no pool here offers; choose adamw or sgd"]
    return []


def build_optimizer(network: nn.Module, spec: OptimizerSpec) -> Optimizer:
    """timm's optimizer of that name on the groups of ``parameter_groups``.

    timm's "sgd" has a Nesterov term; "momentum" is SGD without it.
    """
    groups = parameter_groups(network, spec)
    return create_optimizer_v2(
        groups, opt=spec.name, lr=spec.lr, weight_decay=spec.weight_decay, momentum=spec.momentum
    )


def parameter_groups(network: nn.Module, spec: OptimizerSpec) -> list[dict[str, Any]]:
    """Groups of parameters that share a factor of the learning rate (``lr_scale``) and a weight decay.

    Every parameter is in one group, frozen ones too: without a gradient they stay as they are, so that a later
    stage can set them free. ``lr_scale`` is the layer's decay times the classifier's multiplier times those of all
    patterns that fit the name.

    Raises:
        ValueError: a pattern fits no name.
    """
    _check_patterns(network, spec)
    scales = _layer_scales(network, spec.layer_decay)
    spared = set() if spec.decay_norm_and_bias else _spared_names(network, spec.decay_bias)
    groups: dict[tuple[float, float], list[Tensor]] = defaultdict(list)
    for name, parameter in network.named_parameters():
        scale = scales.get(name, 1.0)
        decay = spec.weight_decay
        if name.startswith(CLASSIFIER):
            scale *= spec.classifier_lr_multiplier
            decay = decay if spec.classifier_weight_decay is None else spec.classifier_weight_decay
        scale *= prod(factor for pattern, factor in spec.lr_multipliers.items() if fnmatchcase(name, pattern))
        if name in spared or any(fnmatchcase(name, pattern) for pattern in spec.no_decay):
            decay = 0.0
        groups[scale, decay].append(parameter)
    return [
        {"params": parameters, "lr_scale": scale, "weight_decay": decay}
        for (scale, decay), parameters in groups.items()
    ]


def _check_patterns(network: nn.Module, spec: OptimizerSpec) -> None:
    names = [name for name, _ in network.named_parameters()]
    lost = [p for p in (*spec.lr_multipliers, *spec.no_decay) if not any(fnmatchcase(name, p) for name in names)]
    if lost:
        near = ", ".join(names[:2] + names[-2:])
        raise ValueError(
            f"lr_multipliers and no_decay need patterns of parameters ({near}, ...); {lost} fit none. "
            "Name those of this network, or set no_decay to [] and lr_multipliers to {}"
        )


def _spared_names(network: nn.Module, decay_bias: bool) -> set[str]:
    """Biases, parameters of normalisation layers (all that have one dimension), and what the network names.

    With ``decay_bias`` the biases outside normalisation layers are not spared.
    """
    listed = set(getattr(network, "no_weight_decay", set)())
    flat = {name for name, p in network.named_parameters() if p.ndim <= 1 or name.endswith(".bias")}
    if decay_bias:
        flat -= {name for name in flat if name.endswith("bias") and not _is_norm(network, name)}
    return flat | listed


def _is_norm(network: nn.Module, name: str) -> bool:
    return isinstance(network.get_submodule(name.rpartition(".")[0]), NORMS)


def _layer_scales(network: nn.Module, layer_decay: float | None) -> dict[str, float]:
    """Name -> layer_decay to the number of layer groups between it and the output."""
    if layer_decay is None:
        return {}
    layers = group_parameters(network, network.group_matcher(coarse=False), reverse=True)  # type: ignore[operator]
    deepest = max(layers.values())
    return {name: layer_decay ** (deepest - layer) for name, layer in layers.items()}


def set_lr(optimizer: Optimizer, lr: float) -> None:
    """Give every group ``lr`` times its own scale."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]


def set_training_mode(network: nn.Module, *, frozen: bool) -> None:
    """Training mode; a frozen backbone gets no gradients and stays in eval mode, frozen batch norms as they are.

    Its normalisation statistics, dropout and stochastic depth stand still with its weights: the head learns on
    the very features that it will be given later.
    """
    network.train()
    backbone: nn.Module = network.backbone  # type: ignore[assignment]
    backbone.requires_grad_(not frozen)
    hold_batch_norms(backbone, getattr(network, "batch_norm", "train"))
    if frozen:
        backbone.eval()
