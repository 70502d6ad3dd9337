"""Weights that Keras stored with ``save_weights("x.h5")`` or ``save("x.h5")``.

The attribute ``layer_names`` lists the layers, ``weight_names`` of each layer's group its arrays
(keras/saving/hdf5_format.py). A layer's moving averages stand behind all of its trained arrays; in ``order`` they
follow their own ``beta``, as ``get_weights()`` of the network lists them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from covpool.formats.arrays import Arrays, Stored
from covpool.formats.hdf5 import Dataset, Group, open_hdf5

_AVERAGES = ("moving_mean", "moving_variance")
_MOST_PARTS = 1024


def read_keras_h5(path: str | Path) -> Arrays:
    """The arrays of a Keras file by layer and name, in its order, each read when it is asked for.

    Raises:
        CorruptFile: cut, damaged, or no file of weights in Keras' older form.
        OSError: it cannot be opened.
    """
    root = open_hdf5(path)
    inner = root.get("model_weights")
    top = inner if isinstance(inner, Group) else root
    stored: dict[str, Stored] = {}
    for layer in _texts(top, "layer_names"):
        group = top.get(layer)
        if not isinstance(group, Group):
            root.file.fail(f"the layer {layer!r} is missing; it is damaged, copy it again")
        for name in _texts(group, "weight_names"):
            found = group.get(name)
            if not isinstance(found, Dataset) or f"{layer}/{name}" in stored:
                root.file.fail(f"the array {name!r} is missing or twice there; it is damaged, copy it again")
            stored[f"{layer}/{name}"] = _stored(found)
    if not stored:
        root.file.fail("it is HDF5 without layers that Keras named; weights from save_weights('x.h5') were needed")
    return Arrays(stored, "Keras HDF5", order=_order(stored))


def _stored(found: Dataset) -> Stored:
    load = found.reader()
    dtype = found.type.dtype.name if found.type.dtype is not None else found.type.kind
    return Stored(found.shape, dtype, load)


def _texts(group: Group, name: str) -> list[str]:
    """An attribute that lists names; a long list is split into name0, name1, ... (an attribute holds 64 KiB)."""
    found = group.attributes.get(name)
    if isinstance(found, list):
        return found
    parts: list[str] = []
    for number in range(_MOST_PARTS):
        part = group.attributes.get(f"{name}{number}")
        if not isinstance(part, list):
            break
        parts += part
    return parts


def _order(names: Iterable[str]) -> list[str]:
    names = list(names)
    order: list[str] = []
    for name in names:
        head, _, last = name.rpartition("/")
        if not last.startswith(_AVERAGES):
            order.append(name)
            if last.startswith("beta") or (last.startswith("gamma") and not _has(names, head, "beta")):
                order += [other for other in names if other.rpartition("/")[0] == head and _is_average(other)]
    return order + [name for name in names if name not in set(order)]


def _has(names: Iterable[str], head: str, last: str) -> bool:
    return any(name.startswith(f"{head}/{last}") for name in names)


def _is_average(name: str) -> bool:
    return name.rpartition("/")[2].startswith(_AVERAGES)
