"""The names of our own backbones."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from covpool.models.architectures.alexnet import alexnet
from covpool.models.architectures.assembled import assembled_resnet
from covpool.models.architectures.cifar_resnet import cifar_preact_resnet, cifar_resnet
from covpool.models.architectures.conv4 import conv4
from covpool.models.architectures.mindspore_resnet import mindspore_resnet18, mindspore_resnet34, mindspore_resnet50
from covpool.models.architectures.shufflenet_v2 import (
    shufflenet_v2_x0_5,
    shufflenet_v2_x1_0,
    shufflenet_v2_x1_5,
    shufflenet_v2_x2_0,
)
from covpool.models.architectures.small_resnet import small_resnet18, small_wrn36
from covpool.models.architectures.so_vit import deit_drop_base, deit_drop_small, deit_drop_tiny, t2t_drop_14

OWN_BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "alexnet": alexnet,
    "assembled_resnet": assembled_resnet,
    "cifar_preact_resnet": cifar_preact_resnet,
    "cifar_resnet": cifar_resnet,
    "conv4": conv4,
    "mindspore_resnet18": mindspore_resnet18,
    "mindspore_resnet34": mindspore_resnet34,
    "mindspore_resnet50": mindspore_resnet50,
    "shufflenet_v2_x0_5": shufflenet_v2_x0_5,
    "shufflenet_v2_x1_0": shufflenet_v2_x1_0,
    "shufflenet_v2_x1_5": shufflenet_v2_x1_5,
    "shufflenet_v2_x2_0": shufflenet_v2_x2_0,
    "small_resnet18": small_resnet18,
    "small_wrn36": small_wrn36,
    "deit_drop_base": deit_drop_base,
    "deit_drop_small": deit_drop_small,
    "deit_drop_tiny": deit_drop_tiny,
    "t2t_drop_14": t2t_drop_14,
}
