"""Selective kernel: a convolution of twice the width, whose halves are weighed against each other."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from timm.layers import SelectiveKernel as TimmKernel
from timm.layers import SplitAttn
from torch import Tensor, nn

from covpool.models.architectures.assembled.attention import SelectiveKernel
from covpool.models.techniques.body import ACTIVATIONS, Body, Norm2d, follower, sized_norm
from covpool.models.techniques.tracing import Node


class SelectiveConvolution(nn.Module):
    """Convolution to 2F channels, batch norm, activation, and the gate that makes F of them.

    Source: Li et al. CVPR 2019, in the form of Assemble-ResNet (see ``SelectiveKernel``). With a grouped convolution
    each half has all groups.

    Shape: (B, in_features, H, W) -> (B, F, H / stride, W / stride). In training batch norm needs 2 images.
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm, self.act = conv, norm, act
        self.groups = conv.groups
        self.select = SelectiveKernel(conv.out_channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.conv(x)))
        if self.groups > 1:  # a group's own halves stand side by side
            x = x.unflatten(1, (self.groups, 2, -1)).transpose(1, 2).flatten(1, 3)
        return self.select(x)


def selective_kernel(body: Body) -> None:
    """Put a selective kernel in place of each 3x3 convolution that batch norm and an activation follow.

    Args:
        body: whose residual blocks are changed; of a network without them, all such convolutions but the first.
    """
    sites = [site for path, conv in body.modules(nn.Conv2d).items() if (site := _site(body, path, conv))]
    if not sites:
        raise body.refuse(
            "3x3 convolutions, in residual blocks where it has those, followed by batch norm and an activation",
            "Blocks that normalise first, and blocks on tokens, have none",
        )
    for path, norm_path, act_path, act in sites:
        conv: Any = body.module(path)
        norm: Any = body.module(norm_path)
        body.replace(path, SelectiveConvolution(_doubled(conv), sized_norm(norm, 2 * norm.num_features), act))
        body.replace(norm_path, nn.Identity())
        if act_path is not None:
            body.replace(act_path, nn.Identity())


def _site(body: Body, path: str, conv: Any) -> tuple[str, str, str | None, nn.Module] | None:
    """Paths of a convolution, its norm and the activation to take out, and the activation to put in."""
    reads_image = body.graph.given[path][0] is body.graph.nodes[0]
    if tuple(conv.kernel_size) != (3, 3) or reads_image or not _in_block(body, path) or _selects(body, path):
        return None
    normed = follower(body.graph.given[path][1], ("batch_norm",))
    active = None if normed is None else follower(normed, ACTIVATIONS)
    if normed is None or active is None or not isinstance(body.module(normed.owner), Norm2d):
        return None
    if body.graph.calls[normed.owner] != 1:
        return None
    return _with_activation(body, path, normed.owner, active)


def _with_activation(
    body: Body, path: str, norm_path: str, active: Node
) -> tuple[str, str, str | None, nn.Module] | None:
    if f"{active.owner}.".startswith(f"{norm_path}."):  # timm's norm with its activation
        return path, norm_path, None, nn.Identity()
    module = body.module(active.owner)
    is_module = not any(True for _ in module.children()) and not any(True for _ in module.parameters())
    if is_module and body.graph.calls[active.owner] == 1:
        return path, norm_path, active.owner, deepcopy(module)
    if active.name in ("relu", "relu_"):  # a shared one, which stays: of what is not negative it changes nothing
        return path, norm_path, None, nn.ReLU()
    return None


def _selects(body: Body, path: str) -> bool:
    """Whether it is a part of a unit that weighs its convolutions already."""
    parts = path.split(".")
    around = (body.module(".".join(parts[:depth])) for depth in range(1, len(parts)))
    return any(isinstance(module, (TimmKernel, SplitAttn, SelectiveConvolution)) for module in around)


def _in_block(body: Body, path: str) -> bool:
    return not body.residuals or any(path.startswith(f"{each.block}.") for each in body.residuals if each.branch.is_map)


def _doubled(conv: Any) -> nn.Conv2d:
    """A fresh convolution of the same kind with twice the channels."""
    made = deepcopy(conv)
    made.out_channels = 2 * conv.out_channels
    shape = (made.out_channels, *conv.weight.shape[1:])
    made.weight = nn.Parameter(torch.empty(shape, device=conv.weight.device, dtype=conv.weight.dtype))
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    if conv.bias is not None:
        made.bias = nn.Parameter(torch.zeros(made.out_channels, device=conv.weight.device, dtype=conv.weight.dtype))
    return made
