"""The object graph that ``tf.train.Checkpoint`` stores: which variable belongs to which object, in order.

Source: tensorflow/core/protobuf/trackable_object_graph.proto. ``nodes`` (1) with ``children`` (1: node 1, name 2),
``attributes`` (2: name 1, full_name 2, checkpoint_key 3) and slot variables of optimizers (3).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from covpool.formats.protobuf import content, fields, integer, text
from covpool.formats.span import Span

GRAPH_KEY = b"_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_NOT_THE_MODEL = {"keras_api", "optimizer", "save_counter"}


@dataclass
class _Node:
    children: list[tuple[int, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


def variable_order(span: Span) -> list[str]:
    """Names of the variables below the root, first object first, as ``get_weights()`` of a Keras model lists them.

    An object's children are stored in the order in which they were assigned to it. A variable that is reached twice
    counts once; slots of optimizers and the counter of saves are not children and do not count.
    """
    nodes = _read_nodes(span)
    order: dict[str, None] = {}
    seen: set[int] = set()
    todo = [0] if nodes else []
    while todo:
        number = todo.pop()
        if number in seen:
            continue
        seen.add(number)
        order.update(dict.fromkeys(key.removesuffix(VALUE) for key in nodes[number].keys))
        named = [child for child, name in nodes[number].children if name not in _NOT_THE_MODEL]
        todo += reversed(named)
    return list(order)


def _read_nodes(span: Span) -> list[_Node]:
    nodes = [_read_node(content(item, span)) for item in fields(span) if item.number == 1]
    if any(not 0 <= child < len(nodes) for node in nodes for child, _ in node.children):
        span.fail("its object graph names an object that is not there; it is damaged, copy it again")
    return nodes


def _read_node(span: Span) -> _Node:
    node = _Node()
    for item in fields(span):
        if item.number == 1:
            inside = content(item, span)
            number, name = 0, ""
            for part in fields(inside):
                number = integer(part, inside) if part.number == 1 else number
                name = text(part, inside) if part.number == 2 else name
            node.children.append((number, name))
        elif item.number == 2:
            inside = content(item, span)
            node.keys += [text(part, inside) for part in fields(inside) if part.number == 3]
    return node
