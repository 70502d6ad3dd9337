"""Residual sums: a shortcut and a branch that started from the same map."""

from __future__ import annotations

from dataclasses import dataclass

from covpool.models.techniques.tracing.graph import Graph, Node

_SUMS = ("add", "add_", "__add__", "__iadd__", "__radd__")
_WEIGHTED = ("conv2d", "conv1d", "linear", "scaled_dot_product_attention", "matmul", "__matmul__")
_PARTS = ("__getitem__", "split", "chunk", "unbind", "tensor_split")
_FOLLOWED = 400  # nodes that a shortcut or a branch is followed back for; a block has fewer


@dataclass(frozen=True, kw_only=True)
class Residual:
    """One residual sum.

    Attributes:
        block: path of the module that computes it.
        sum: what came out.
        branch: what the weighted path gave to the sum; shortcut: the other operand.
        source: where both begin.
        projected: whether the shortcut has a convolution or another change of its own.
    """

    block: str
    sum: Node
    branch: Node
    shortcut: Node
    source: Node
    projected: bool


def find_residuals(graph: Graph) -> list[Residual]:
    """The residual sums that the output was made of, in order.

    A sum of two tensors of one shape counts where one operand is the very input of the other, or comes from it by at
    most one convolution while the other has more. Sums of branches (HRNet's fusions, RepVGG's parallel paths) and of
    embeddings do not.
    """
    used = set(graph.output.ancestors())
    found = [_residual(node) for node in graph.nodes if node in used and node.name in _SUMS]
    return [each for each in found if each is not None]


def _residual(node: Node) -> Residual | None:
    if len(node.parents) != 2 or node.parents[0].shape != node.parents[1].shape:
        return None
    first, second = node.parents
    for branch, shortcut in ((first, second), (second, first)):
        source = _source(branch, shortcut)
        if source is not None and branch is not shortcut:
            return Residual(
                block=node.owner,
                sum=node,
                branch=branch,
                shortcut=shortcut,
                source=source,
                projected=source is not shortcut,
            )
    return None


def _source(branch: Node, shortcut: Node) -> Node | None:
    """The node that both come from, or None where they are no branch and its shortcut."""
    node, weighted = shortcut, 0
    for _ in range(_FOLLOWED):
        before = _weights(branch, node) if branch.descends_from(node) else None
        if before is not None:
            return node if before > weighted else None
        weighted += node.name in _WEIGHTED
        if weighted > 1 or len(node.parents) != 1 or node.name in _PARTS:
            return None
        node = node.parents[0]
    return None


def _weights(node: Node, source: Node) -> int:
    """The most convolutions and products on a way from ``source`` to ``node``."""
    most: dict[Node, int] = {source: 0}
    for each in sorted(node.ancestors(since=source.index), key=lambda each: each.index):
        ways = [most[parent] for parent in each.parents if parent in most]
        if each is not source and ways:
            most[each] = max(ways) + (each.name in _WEIGHTED)
    return most.get(node, 0)
