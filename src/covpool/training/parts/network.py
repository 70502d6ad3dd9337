"""The network of a recipe: created, adapted to the classes, with the settings that training alone knows."""

from __future__ import annotations

from torch import nn

from covpool.models import Network, create_network
from covpool.recipes import Recipe


def build_network(recipe: Recipe, classes: int) -> Network:
    """The network of ``recipe`` for data of ``classes`` classes.

    Raises:
        ValueError: the backbone and the settings do not go together.
    """
    spec = recipe.network
    network = create_network(
        spec.backbone,
        spec.pool,
        classes if spec.num_classes is None else spec.num_classes,
        pretrained=spec.pretrained,
        reduce_to=spec.reduce_to,
        last_stride=spec.last_stride,
        drop_rate=spec.drop_rate,
        hidden=spec.hidden,
        backbone_options=spec.backbone_options,
    )
    if spec.norm_momentum is not None:
        _set_norm_momentum(network, spec.norm_momentum)
    if recipe.schedule.keep_prob is not None and not hasattr(network.backbone, "set_keep_prob"):
        raise ValueError(
            f"schedule.keep_prob needs a backbone with DropBlock, such as assembled/resnet50; got {spec.backbone!r}"
        )
    return network


def _set_norm_momentum(network: nn.Module, momentum: float) -> None:
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        raise ValueError("norm_momentum needs a network with batch norms, and this one has none; set it to none")
    for norm in norms:
        norm.momentum = momentum
