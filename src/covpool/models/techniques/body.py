"""A backbone under surgery: what is in it, and how its modules are exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any

import torch
from torch import nn

from covpool.models.adaptation.probe import probe_images
from covpool.models.techniques.tracing import Graph, Node, Residual, find_residuals, trace

_PLAIN = ("relu", "silu", "hardswish", "leaky_relu", "elu", "hardtanh", "relu6", "gelu", "mish", "tanh")
ACTIVATIONS = (*_PLAIN, *(f"{name}_" for name in _PLAIN))  # functions, and those that work in place
MEETINGS = ("add", "add_", "__add__", "__iadd__", "__radd__", "cat", "stack")
NORMS = ("batch_norm", "group_norm", "instance_norm")
TORCH_MOMENTUM = 0.1
Norm2d = nn.modules.batchnorm._BatchNorm


class NothingToChange(ValueError):
    """A technique found in a backbone nothing of what it changes."""


class Body:
    """A backbone, with what one pass through it showed.

    Args:
        backbone: with timm's ``forward_features``.
        options: those it was built with, from which the size of its images follows.
    """

    def __init__(self, backbone: nn.Module, options: Mapping[str, Any] | None = None) -> None:
        self.backbone = backbone
        self.name = type(backbone).__name__
        self.images = probe_images(backbone.eval(), options or {})
        self.like = next(backbone.parameters(), self.images)

    @cached_property
    def graph(self) -> Graph:
        """The pass, as it was before anything was changed."""
        return trace(self.backbone, self.images)

    @cached_property
    def residuals(self) -> list[Residual]:
        """Residual sums, in order."""
        return find_residuals(self.graph)

    @cached_property
    def momentum(self) -> float | None:
        """Momentum of the backbone's batch norms, for those that are new."""
        norms = [m for m in self.backbone.modules() if isinstance(m, Norm2d)]
        return norms[0].momentum if norms else TORCH_MOMENTUM

    def refuse(self, looked_for: str, advice: str) -> NothingToChange:
        """The sentence for a backbone in which nothing is to be changed."""
        return NothingToChange(f"needs {looked_for}; {self.name} has none. {advice}")

    def module(self, path: str) -> nn.Module:
        """The module of that path, as it is now."""
        return self.backbone.get_submodule(path)

    def modules(self, *kinds: type[nn.Module]) -> dict[str, Any]:
        """Path -> module, of the modules of these kinds that ran once, in the order of execution."""
        ran = [path for path in self.graph.given if self.graph.calls[path] == 1]
        return {path: module for path in ran if isinstance(module := self.module(path), kinds)}

    def replace(self, path: str, new: nn.Module) -> None:
        """Put ``new`` where the module of that path is; its fresh parts get the backbone's device and manners."""
        owner, _, leaf = path.rpartition(".")
        known = {id(part) for part in self.backbone.modules()}
        fresh = [part for part in new.modules() if id(part) not in known]
        for part in fresh:
            self._fit(part)
        setattr(self.backbone.get_submodule(owner), leaf, new)

    def after(self, path: str, new: nn.Module) -> None:
        """Let ``new`` follow the module of that path."""
        self.replace(path, nn.Sequential(self.module(path), new))

    def slot(self, node: Node, within: str, *, innermost: bool = False) -> str | None:
        """The module inside ``within`` behind which ``node`` can be changed.

        It is the last to pass it on (``innermost``: the first), of those that ran once and on one tensor alone.

        Where a function without a module made the node of one other (a scale, a shift of windows), the other's.
        """
        while True:
            inside = [path for path in node.made_by if _inside(path, within) and self._is_plain(path)]
            if inside:
                return inside[0 if innermost else -1]
            source = node.parents[0] if node.parents else None
            if source is None or source.shape != node.shape or source.channels != node.channels:
                return None
            if node.name in MEETINGS or len(set(source.children)) > 1 or not _inside(source.owner, within, itself=True):
                return None
            node = source

    def _is_plain(self, path: str) -> bool:
        return self.graph.calls[path] == 1 and path in self.graph.given

    def _fit(self, part: nn.Module) -> None:
        if isinstance(part, Norm2d):
            part.momentum = self.momentum
        for name, parameter in part.named_parameters(recurse=False):
            setattr(part, name, nn.Parameter(parameter.to(self.like.device, self.like.dtype)))
        for name, buffer in part.named_buffers(recurse=False):
            dtype = self.like.dtype if buffer.is_floating_point() else buffer.dtype
            setattr(part, name, buffer.to(self.like.device, dtype))


def _inside(path: str, folder: str, *, itself: bool = False) -> bool:
    return path.startswith(f"{folder}.") or not folder or (itself and path == folder)


def follower(node: Node, names: tuple[str, ...]) -> Node | None:
    """What was made of ``node``, where that is one thing and by one of these functions."""
    made = set(node.children)
    only = made.pop() if len(made) == 1 else None
    return only if only is not None and only.name in names else None


def sized_norm(norm: nn.Module, features: int) -> nn.Module:
    """A fresh batch norm of the kind of ``norm``, with its activation where it has one, of ``features`` channels.

    Raises:
        TypeError: it is no batch norm.
    """
    if not isinstance(norm, Norm2d):
        raise TypeError(f"a batch norm was needed; got {type(norm).__name__}")
    made: Any = deepcopy(norm)
    made.num_features = features
    for name, values in (("weight", torch.ones), ("bias", torch.zeros)):
        if getattr(norm, name) is not None:
            setattr(made, name, nn.Parameter(values(features)))
    for name, values in (("running_mean", torch.zeros), ("running_var", torch.ones)):
        if getattr(norm, name) is not None:
            setattr(made, name, values(features))
    if made.num_batches_tracked is not None:
        made.num_batches_tracked = torch.zeros_like(made.num_batches_tracked)
    return made
