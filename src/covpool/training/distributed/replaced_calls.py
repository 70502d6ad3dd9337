"""Modules in whose forward pass functions of torch are others for a while: those of all processes together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Others = Mapping[Callable[..., Any], Callable[..., Any]]


def replace_calls(modules: Iterable[nn.Module], others: Others) -> None:
    """From now on ``modules`` call ``others[f]`` where they call f; they keep their classes, parameters and names."""
    for module in modules:
        module.forward = _Replaced(module.forward, others)


def work_alone(network: nn.Module) -> None:
    """Undo it for all modules of ``network``: each process has its own batch norms and draws again."""
    for module in network.modules():
        if isinstance(module.__dict__.get("forward"), _Replaced):
            del module.__dict__["forward"]


class _Replaced:
    """The forward pass of a module in which some functions are others."""

    def __init__(self, forward: Callable[..., Tensor], others: Others) -> None:
        self.forward, self.others = forward, others

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        with _Calls(self.others):
            return self.forward(*args, **kwargs)


class _Calls(TorchFunctionMode):
    def __init__(self, others: Others) -> None:
        super().__init__()
        self.others = others

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.others.get(func, func)(*args, **(kwargs or {}))
