"""Weights in ``.mat`` files: MatConvNet's networks, and the lists that TensorFlow's fast MPN-COV stores.

A dagnn network is the struct ``net`` that ``DagNN.saveobj`` makes: ``vars``, ``params`` (name, value, learningRate,
weightDecay), ``layers``, ``meta``; a checkpoint of a training has ``state`` and ``stats`` beside it. The list is the
cell ``params`` of ``get_weights()``, which scipy wrote: it makes a row of every vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from covpool.formats.arrays import Arrays, Stored
from covpool.formats.corrupt import CorruptFile
from covpool.formats.hdf5.headers import find_signature
from covpool.formats.matlab import Cell, Numbers, Struct, Text, Value, read_mat5, read_mat73
from covpool.formats.span import map_file

_TEXT = {Cell: "a cell", Struct: "a struct", Text: "a text"}
_UNPACKED = 1 << 30
_RATIO = 16  # packed weights of a network take at least a tenth of what they are


def read_matlab(path: str | Path) -> Arrays:
    """The arrays of a ``.mat`` file of version 5 to 7.3, in MATLAB's shapes, each read when it is asked for.

    Of a dagnn network: its parameters by name. Of a file with a cell ``params``: its arrays as ``"0"``, ``"1"``, ...
    (``listed``), rows as vectors. Of any other: its variables.

    Raises:
        CorruptFile: cut, damaged, or another kind of network.
        OSError: it cannot be opened.
    """
    span = map_file(path)
    modern = find_signature(span) is not None
    variables = read_mat73(path) if modern else read_mat5(path)
    form = f"MATLAB {'7.3' if modern else '5 to 7'}"
    net, params = variables.get("net"), variables.get("params")
    if isinstance(net, Struct):
        arrays = Arrays(_named(net, str(path)), f"{form}, dagnn network", left_out=_others(variables, "net"))
    elif isinstance(params, Cell):
        left_out = _others(variables, "params")
        arrays = Arrays(_listed(params, str(path)), f"{form}, list of arrays", listed=True, left_out=left_out)
    else:
        numbers = {name: _stored(value) for name, value in variables.items() if isinstance(value, Numbers)}
        arrays = Arrays(numbers, form, left_out=_others(variables, *numbers))
    _check_size(arrays, span.stop, str(path))
    return arrays


def _named(net: Struct, path: str) -> dict[str, Stored]:
    params = net.one("params")
    names, values = (
        (params.fields.get(key, []) for key in ("name", "value")) if isinstance(params, Struct) else ([], [])
    )
    if not names or len(names) != len(values):
        raise CorruptFile(
            path, "its network has no params with names and values; a dagnn network as saveobj makes it was needed"
        )
    found: dict[str, Stored] = {}
    for name, value in zip(names, values, strict=True):
        if not isinstance(name, Text) or not isinstance(value, Numbers) or name.text in found:
            raise CorruptFile(path, "a parameter has no name of its own or no value; it is damaged, copy it again")
        found[name.text] = _stored(value)
    return found


def _listed(params: Cell, path: str) -> dict[str, Stored]:
    if not all(isinstance(item, Numbers) for item in params.items):
        raise CorruptFile(path, "its list of parameters holds something else than arrays of numbers")
    return {str(place): _row(item) for place, item in enumerate(params.items) if isinstance(item, Numbers)}


def _stored(value: Numbers) -> Stored:
    return Stored(value.shape, value.dtype.name, value.load)


def _row(value: Numbers) -> Stored:
    if len(value.shape) != 2 or value.shape[0] != 1:
        return _stored(value)
    return Stored(value.shape[1:], value.dtype.name, lambda: np.ravel(value.load()))


def _others(variables: Mapping[str, Value], *taken: str) -> dict[str, str]:
    return {name: _TEXT.get(type(value), "another value") for name, value in variables.items() if name not in taken}


def _check_size(arrays: Arrays, size: int, path: str) -> None:
    """Small files can be packed giants: what a network would take stays in proportion to its file."""
    total = sum(np.prod(one.shape, dtype=float) * np.dtype(one.dtype).itemsize for one in arrays.stored.values())
    if total > max(_UNPACKED, _RATIO * size):
        raise CorruptFile(path, f"its {size} bytes unpack to {total:.3g}; no network of weights does, it is refused")


def network_value(path: str | Path, *names: str) -> Value | None:
    """A value of the file's ``net`` by its path, ``"meta", "normalization"``; None: not there."""
    here: Value | None = _variables(path).get("net")
    for name in names:
        here = here.one(name) if isinstance(here, Struct) else None
    return here


def _variables(path: str | Path) -> dict[str, Value]:
    return read_mat73(path) if find_signature(map_file(path)) is not None else read_mat5(path)
