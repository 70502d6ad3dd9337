"""Assemble-ResNet (Lee et al. 2020): ResNet-50 to 200 with the tweaks of the paper, each on its own switch."""

from covpool.models.architectures.assembled.drop_block import DropBlock
from covpool.models.architectures.assembled.initial import initialize_classifier
from covpool.models.architectures.assembled.network import AssembledResNet, assembled_resnet

__all__ = ["AssembledResNet", "DropBlock", "assembled_resnet", "initialize_classifier"]
