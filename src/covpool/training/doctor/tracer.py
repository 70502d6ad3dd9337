"""Watches every module of a network go forward and backward, and names the first that puts out what is no number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves


@dataclass
class Call:
    """One call of a module, in the order in which the calls began."""

    name: str
    kind: str
    order: int
    inputs: dict[str, Any] = field(default_factory=dict)
    output_gradients: list[bool] = field(default_factory=list)
    """Whether the gradients with respect to the outputs are finite."""
    input_gradients: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    """Where a value that is no number came from.

    Attributes:
        module: name of the submodule; "" is the network itself.
        where: "output", "arithmetic" (between its submodules), "gradient" (which it passes back), or "arrival" (the
            gradient that arrives at its output, from arithmetic outside of any submodule).
        inputs: what the module was given: its shape, its smallest and largest number, ...
    """

    module: str
    kind: str
    where: str
    inputs: dict[str, Any]


class Tracer:
    """Hooks on the modules of ``network``, but not on those named in ``spared``.

    Each module is given a view of its input, so that the gradient it passes on is seen apart from what other readers
    of the same tensor pass on. The numbers stay the same.
    """

    def __init__(self, network: nn.Module, *, spared: Iterable[str] = ()) -> None:
        left_out = set(spared)
        self._modules = {name: m for name, m in network.named_modules() if name not in left_out}
        self._calls: list[Call] = []
        self._open: list[Call] = []
        self.forward_fault: Fault | None = None
        self.seen: dict[str, Tensor] = {}
        """The last output of each module named *.describe."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Hooks inside the block only."""
        handles: list[Any] = []
        for name, module in self._modules.items():
            handles.append(module.register_forward_pre_hook(partial(self._enter, name)))
            handles.append(module.register_forward_hook(partial(self._leave, name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def forward_fault_at_error(self) -> Fault | None:
        """The fault of a forward pass that an error ended: what was found before, else the innermost open module."""
        if self.forward_fault is None and self._open:
            call = self._open[-1]
            return Fault(call.name, call.kind, "output", call.inputs)
        return self.forward_fault

    def backward_fault(self) -> Fault | None:
        """The module whose backward turned a finite gradient into one that is not; the innermost, latest one."""
        guilty = [call for call in self._calls if call.output_gradients and all(call.output_gradients)]
        guilty = [call for call in guilty if not self._passes_finite_gradients(call)]
        if not guilty:
            return None
        last = max(guilty, key=lambda call: call.order)
        reached = [call for call in self._calls if not all(call.output_gradients) and _is_inside(call, last)]
        if reached:  # none of its submodules broke the gradient: what it computes behind this one did
            first = max(reached, key=lambda call: call.order)
            return Fault(first.name, first.kind, "arrival", first.inputs)
        return Fault(last.name, last.kind, "gradient", last.inputs)

    def _passes_finite_gradients(self, call: Call) -> bool:
        parameters = self._modules[call.name].parameters()  # a stem's input asks for no gradient, its parts do
        return all(call.input_gradients) and all(is_finite(p.grad) for p in parameters if p.grad is not None)

    def _enter(self, name: str, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        call = Call(name, type(module).__name__, len(self._calls))
        if self.forward_fault is None and not all(map(is_finite, _tensors(args))):
            parent = self._open[-1] if self._open else call
            self.forward_fault = Fault(parent.name, parent.kind, "arithmetic", parent.inputs)
        call.inputs = _facts(args) if self.forward_fault is None else {}
        self._calls.append(call)
        self._open.append(call)
        return tuple(self._viewed(arg, call) for arg in args)

    def _viewed(self, arg: Any, call: Call) -> Any:
        if not (isinstance(arg, Tensor) and arg.requires_grad and torch.is_grad_enabled()):
            return arg
        view = arg.view_as(arg)
        view.register_hook(lambda gradient: call.input_gradients.append(is_finite(gradient)))
        return view

    def _leave(self, name: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        call = self._open.pop()
        while call.name != name:  # an error inside was caught by a module outside
            call = self._open.pop()
        for tensor in _tensors(output):
            if tensor.requires_grad:
                tensor.register_hook(partial(_note, call.output_gradients))
        if name.endswith(".describe") and isinstance(output, Tensor):
            self.seen[name] = output.detach()
        if self.forward_fault is None and not all(map(is_finite, _tensors(output))):
            self.forward_fault = Fault(name, call.kind, "output", call.inputs)


def _is_inside(call: Call, outer: Call) -> bool:
    return call.name != outer.name and (not outer.name or call.name.startswith(f"{outer.name}."))


def _note(found: list[bool], gradient: Tensor) -> None:
    found.append(is_finite(gradient))


def is_finite(tensor: Tensor) -> bool:
    """Whether every number is finite; whole numbers always are."""
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def _facts(args: tuple[Any, ...]) -> dict[str, Any]:
    """Shape and range of the first tensor of numbers among ``args``."""
    found = next((t for t in _tensors(args) if t.is_floating_point() and t.numel()), None)
    if found is None:
        return {}
    low, high = (value.item() for value in found.detach().aminmax())
    zeros = (found.detach() == 0).float().mean().item()
    kind = str(found.dtype).removeprefix("torch.")
    return {"shape": list(found.shape), "dtype": kind, "min": low, "max": high, "zeros": zeros}
