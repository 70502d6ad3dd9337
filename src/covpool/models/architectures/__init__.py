"""Backbones of our own, where timm has none that computes the same; the table of their names."""

from collections.abc import Callable

from torch import nn

from covpool.models.architectures.alexnet import alexnet
from covpool.models.architectures.cifar_resnet import cifar_preact_resnet, cifar_resnet
from covpool.models.architectures.conv4 import conv4

OWN_BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "alexnet": alexnet,
    "cifar_preact_resnet": cifar_preact_resnet,
    "cifar_resnet": cifar_resnet,
    "conv4": conv4,
}

__all__ = ["OWN_BACKBONES", "conv4"]
