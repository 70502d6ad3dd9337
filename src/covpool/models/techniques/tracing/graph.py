"""The graph of one forward pass: every function, what it was given, and the modules whose output it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

_FIRST = ("conv2d", "conv1d", "batch_norm", "group_norm", "instance_norm", "max_pool2d", "avg_pool2d", "interpolate")
_LAST = ("linear", "layer_norm", "rms_norm")


@dataclass(eq=False)
class Node:
    """What one function of the pass made.

    Attributes:
        index: its place in the order of execution.
        name: of the function, such as ``conv2d``; ``input`` for the images.
        parents: what it was made of; parameters are none.
        shape: of the tensor.
        channels: dimension of the channels, 1 in maps (B, C, H, W), the last one in tokens; None: not known.
        owner: path of the innermost module that was running.
        made_by: paths of the modules that returned it, the innermost first, those that passed it on included.
    """

    index: int
    name: str
    parents: list[Node]
    shape: tuple[int, ...]
    channels: int | None
    owner: str
    made_by: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    @property
    def is_map(self) -> bool:
        """Whether it is a map (B, C, H, W)."""
        return len(self.shape) == 4 and self.channels == 1

    def __repr__(self) -> str:
        return f"{self.index}:{self.name}{self.shape}@{self.owner}"

    def descends_from(self, other: Node) -> bool:
        """Whether ``other`` is this node or was used to make it."""
        return other in set(self.ancestors(since=other.index))

    def ancestors(self, since: int = 0) -> Iterator[Node]:
        """This node and everything it was made of, back to the index ``since``."""
        seen, stack = {self}, [self]
        while stack:
            node = stack.pop()
            yield node
            fresh = [parent for parent in node.parents if parent.index >= since and parent not in seen]
            seen.update(fresh)
            stack += fresh


@dataclass(frozen=True)
class Graph:
    """One pass through a backbone.

    Attributes:
        nodes: in the order of execution, the images first.
        output: the last one that ``forward_features`` returned.
        calls: path of a module -> how often it ran.
        given: path of a module that takes one tensor and nothing else -> what its first call was given and returned.
    """

    nodes: list[Node]
    output: Node
    calls: Counter[str]
    given: dict[str, tuple[Node, Node]]

    def maps(self) -> list[Node]:
        """The maps (B, C, H, W) that the output was made of, in order."""
        used = set(self.output.ancestors())
        return [node for node in self.nodes if node in used and node.is_map]

    def heights(self) -> list[int]:
        """Heights of these maps, the finest first, without the images' and without pooled summaries."""
        sizes = {node.shape[2] for node in self.maps() if node.name == "conv2d" and min(node.shape[2:]) > 1}
        return sorted(sizes, reverse=True)


def trace(backbone: nn.Module, images: Tensor) -> Graph:
    """The graph of ``backbone.forward_features(images)``, in eval mode; the mode and the weights stay as they are.

    The tensors themselves are not kept, so that a pass needs no more memory than any other without gradients, and on
    the meta device none.
    """
    training = backbone.training
    backbone.train().eval()  # some families cache in eval mode; going through train mode empties the cache
    recorder = _Recorder()
    handles = [handle for path, module in backbone.named_modules() if path for handle in recorder.watch(path, module)]
    try:
        with torch.no_grad(), recorder:
            recorder.enter(images)
            output = backbone.forward_features(images)  # type: ignore[operator]
    finally:
        for handle in handles:
            handle.remove()
        backbone.train(training)
    last = max(filter(None, map(recorder.find, _tensors(output))), key=lambda node: node.index)
    return Graph(recorder.nodes, last, recorder.calls, recorder.given)


class _Recorder(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.calls: Counter[str] = Counter()
        self.given: dict[str, tuple[Node, Node]] = {}
        self._stack: list[str] = []
        self._open: list[Node | None] = []
        self._known: Any = WeakIdKeyDictionary()

    def find(self, tensor: Tensor) -> Node | None:
        return self._known.get(tensor)

    def enter(self, images: Tensor) -> None:
        self._add("input", [], images, 1)

    def watch(self, path: str, module: nn.Module) -> list[Any]:
        def before(_: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
            self._stack.append(path)
            alone = len(inputs) == 1 and isinstance(inputs[0], Tensor) and not options
            self._open.append(self.find(inputs[0]) if alone else None)

        def after(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
            self._stack.pop()
            self.calls[path] += 1
            source = self._open.pop()
            made = [node for node in map(self.find, _tensors(output)) if node is not None]
            for node in made:
                node.made_by.append(path)
            if source is not None and made and path not in self.given:
                self.given[path] = source, made[0]

        return [module.register_forward_pre_hook(before, with_kwargs=True), module.register_forward_hook(after)]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        parents = [node for node in map(self.find, _tensors((args, kwargs))) if node is not None]
        output = func(*args, **(kwargs or {}))
        if not parents:  # made of parameters alone
            return output
        name = getattr(func, "__name__", "")
        for made in _tensors(output):
            self._add(name, parents, made, _channels(name, args, parents, made))
        return output

    def _add(self, name: str, parents: list[Node], tensor: Tensor, channels: int | None) -> None:
        owner = self._stack[-1] if self._stack else ""
        node = Node(len(self.nodes), name, parents, tuple(tensor.shape), channels, owner)
        self.nodes.append(node)
        self._known[tensor] = node
        for parent in parents:
            parent.children.append(node)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(value.values())
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for part in value:
            yield from _tensors(part)


def _channels(name: str, args: Any, parents: list[Node], made: Tensor) -> int | None:
    """Where the channels are in what a function made."""
    if name in _FIRST:
        return 1
    if name in _LAST:
        return made.ndim - 1
    source = parents[0] if parents else None
    if source is None or source.channels is None:
        return None
    if name == "permute":
        dims = [int(dim) % made.ndim for dim in (args[1] if isinstance(args[1], list | tuple) else args[1:])]
        return dims.index(source.channels)
    if name == "transpose":
        swap = {args[1] % made.ndim: args[2] % made.ndim, args[2] % made.ndim: args[1] % made.ndim}
        return swap.get(source.channels, source.channels)
    if name == "flatten":
        return 1 if source.channels == 1 else made.ndim - 1
    if made.ndim == len(source.shape):
        return source.channels
    return made.ndim - 1 if source.channels == len(source.shape) - 1 else None
