"""The network of a recipe: created, adapted to the classes, with the settings that training alone knows."""

from __future__ import annotations

from math import log

from torch import nn

from covpool.models import Network, create_network
from covpool.models.architectures.assembled import DropBlock
from covpool.recipes import NetworkSpec, Recipe
from covpool.training.parts.start import start_from


def build_network(recipe: Recipe, classes: int, loss: nn.Module | None = None) -> Network:
    """The network of ``recipe`` for data of ``classes`` classes.

    With ``network.weights`` it starts from them, and ``network.pretrained`` is not asked. Where the ``loss`` wants it
    (``rare_bias``) a fresh classifier begins by saying that every class is rare: biases of -log(K - 1).

    Raises:
        ValueError: the backbone and the settings do not go together, or the weights do not fit.
    """
    spec = recipe.network
    network = _created(spec, classes)
    known = spec.weights is not None and start_from(network, spec.weights)
    if getattr(loss, "rare_bias", False) and not known:
        _set_rare_bias(network)
    if spec.norm_momentum is not None:
        _set_norm_momentum(network, spec.norm_momentum)
    if recipe.schedule.keep_prob is not None and not any(isinstance(m, DropBlock) for m in network.backbone.modules()):
        raise ValueError(
            "schedule.keep_prob needs a backbone with DropBlock: put drop-block among network.techniques, or take one "
            f"such as assembled/resnet50; got {spec.backbone!r}"
        )
    network.set_batch_norm(spec.batch_norm)
    if spec.grad_checkpointing:
        network.set_grad_checkpointing()
    return network


def _created(spec: NetworkSpec, classes: int) -> Network:
    return create_network(
        spec.backbone,
        spec.pool,
        classes if spec.num_classes is None else spec.num_classes,
        pretrained=spec.pretrained and spec.weights is None,
        reduce_to=spec.reduce_to,
        last_stride=spec.last_stride,
        drop_rate=spec.drop_rate,
        hidden=spec.hidden,
        embedding=spec.embedding,
        backbone_options=spec.backbone_options,
        techniques=spec.techniques,
    )


def _set_rare_bias(network: Network) -> None:
    layers = [module for module in network.head.classifier.modules() if isinstance(module, nn.Linear)]
    for layer in layers[-1:]:
        nn.init.constant_(layer.bias, -log(network.num_classes - 1))


def _set_norm_momentum(network: nn.Module, momentum: float) -> None:
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        raise ValueError("norm_momentum needs a network with batch norms, and this one has none; set it to none")
    for norm in norms:
        norm.momentum = momentum
