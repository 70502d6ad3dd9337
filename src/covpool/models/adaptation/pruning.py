"""Drop the parts of a backbone that its features do not use.

A backbone keeps modules of its own head (a norm after its pooling, a 1x1 expansion, an attention pool). Under a new
head they never get a gradient: dead weight in a checkpoint and a crash in distributed training.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from difflib import get_close_matches

import torch
from torch import Tensor, nn

from covpool.registry import unknown

logger = logging.getLogger("covpool")

FROZEN = "frozen:"


def prune(backbone: nn.Module, run: Callable[[], Tensor]) -> list[str]:
    """Drop every part of ``backbone`` that ``run()``, its features, has no gradient to; return their names.

    Whole modules become ``nn.Identity``, so that the indices of sequences stay; lone parameters become None. What is
    dropped is missing from the state dict. The features are bit-identical afterwards, which is checked. A part that
    runs without effect on the features, but without which they cannot be computed (the unused branch of a last
    fusion), stays and is frozen; its name is given as ``frozen:name``.
    """
    features, dead = _features_and_dead(backbone, run)
    names = _roots(backbone, dead)
    sizes = {name: _size(backbone, name) for name in names}
    if not _droppable(backbone, names, run, features):
        names = _one_by_one(backbone, names, run, features)
    drop(backbone, names)
    for name in names:
        what = "froze" if name.startswith(FROZEN) else "dropped"
        size = sizes.get(name.removeprefix(FROZEN)) or 0
        logger.info("%s %s (%d parameters): the features do not depend on it", what, name.removeprefix(FROZEN), size)
    return names


def drop(backbone: nn.Module, names: Iterable[str]) -> None:
    """Replace the named modules by ``nn.Identity`` and the named parameters by None; freeze ``frozen:`` ones.

    Raises:
        ValueError: the backbone has no part of that name (another version of timm than when it was stored).
    """
    for name in names:
        owner, leaf = _place(backbone, name.removeprefix(FROZEN))
        if name.startswith(FROZEN):
            for parameter in _parameters(getattr(owner, leaf)):
                parameter.requires_grad_(False)
        elif leaf in owner._parameters:
            owner.register_parameter(leaf, None)
        else:
            setattr(owner, leaf, nn.Identity())


def unreachable(output: Tensor, parameters: Iterable[nn.Parameter]) -> set[int]:
    """Ids of the parameters that a backward pass from ``output`` would leave without a gradient.

    The autograd graph is walked instead of run, which is exact and costs no backward pass. Parameters that are
    frozen by design (``requires_grad`` False) do not count.
    """
    reached: set[int] = set()
    seen = set()
    stack = [output.grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            reached.add(id(node.variable))
        stack.extend(following for following, _ in node.next_functions)
    return {id(p) for p in parameters if p.requires_grad and id(p) not in reached}


def _features_and_dead(backbone: nn.Module, run: Callable[[], Tensor]) -> tuple[Tensor, set[int]]:
    with torch.enable_grad():
        features = run()
    return features.detach(), unreachable(features, backbone.parameters())


def _droppable(backbone: nn.Module, names: list[str], run: Callable[[], Tensor], features: Tensor) -> bool:
    """Whether the features can be computed, and are the same, without these parts; nothing stays changed."""
    kept = [(*_place(backbone, name), getattr(*_place(backbone, name))) for name in names]
    drop(backbone, names)
    try:
        with torch.no_grad():
            return torch.equal(run(), features)
    except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError):
        return False
    finally:
        for owner, leaf, part in kept:
            setattr(owner, leaf, part)


def _one_by_one(backbone: nn.Module, names: list[str], run: Callable[[], Tensor], features: Tensor) -> list[str]:
    dropped: list[str] = []
    frozen: list[str] = []
    for name in names:
        if _droppable(backbone, [*dropped, name], run, features):
            dropped.append(name)
        else:
            frozen.append(FROZEN + name)
    return [*dropped, *frozen]


def _place(backbone: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The module that owns the part called ``name``, and its name there."""
    path, _, leaf = name.rpartition(".")
    modules = dict(backbone.named_modules())
    owner = modules.get(path, nn.Module())
    if leaf not in owner._parameters and leaf not in owner._modules:
        near = get_close_matches(name, [n for n in modules if n], n=5) or ["none is near"]
        raise ValueError(unknown("part of the backbone", name, near))
    return owner, leaf


def _parameters(part: nn.Module | nn.Parameter) -> list[nn.Parameter]:
    return [part] if isinstance(part, nn.Parameter) else list(part.parameters())


def _roots(backbone: nn.Module, dead: set[int]) -> list[str]:
    """The largest modules whose parameters are all dead, and the dead parameters beside them."""
    roots: list[str] = []

    def visit(module: nn.Module, prefix: str) -> None:
        roots.extend(prefix + name for name, p in module._parameters.items() if p is not None and id(p) in dead)
        for name, child in module.named_children():
            parameters = list(child.parameters())
            if parameters and all(id(p) in dead for p in parameters):
                roots.append(prefix + name)
            elif any(id(p) in dead for p in parameters):
                visit(child, f"{prefix}{name}.")

    visit(backbone, "")
    return roots


def _size(backbone: nn.Module, name: str) -> int:
    return sum(p.numel() for p in _parameters(getattr(*_place(backbone, name))))
