"""Arrays of a published file -> the state dict of our network of the same name, and back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from covpool.registry import UnknownName, unknown
from covpool.weights.dialect import Dialect
from covpool.weights.rename import Ledger, WeightsMismatch, rename
from covpool.weights.systems import SYSTEMS

logger = logging.getLogger("covpool")

_COUNTER = "num_batches_tracked"  # absent from files older than PyTorch 0.4.1 and from other frameworks


def convert(
    arrays: Mapping[str, Any] | Sequence[Any], network: str, *, dialect: str | None = None
) -> tuple[dict[str, Tensor], Ledger]:
    """The state dict of a published network, from the arrays of one of its released files.

    Args:
        arrays: name -> array as a reader gives them, or a list of arrays (TensorFlow's ``get_weights()``).
        network: a name of ``covpool.models.published_networks``, such as ``threeg/resnet50``.
        dialect: how the file is written; None (default): told from the names.

    Returns:
        The state dict, which ``create_network(network, **ledger.options)`` loads strictly, and the ledger. Counters
        of batches that the file does not have are 0.

    Raises:
        WeightsMismatch: something is left over on either side, or a shape differs; both lists are in it.
        ValueError: an unknown network (``UnknownName``) or dialect.
    """
    named = _named(arrays)
    chosen = find_dialect(named, network, dialect)
    if chosen.hint is not None and (hint := chosen.hint(named)):
        logger.warning("%s: %s", network, hint)
    options = chosen.options(named)
    renamed, ledger = rename(chosen.prepare(named, network), chosen.rules_for(network))
    ledger.dialect, ledger.options = chosen.name, options
    wanted = import_module("covpool.models").skeleton(network, **options)  # the room above, which builds networks
    for name in wanted:
        if name.endswith(_COUNTER):
            renamed.setdefault(name, torch.zeros((), dtype=torch.long))
    ledger.compare(renamed, wanted)
    if not ledger.complete:
        raise WeightsMismatch(ledger, f"the weights (as {chosen.name}) for {network}")
    return {name: _like(renamed[name], name) for name in wanted}, ledger


def export(state: Mapping[str, Tensor], network: str, dialect: str) -> dict[str, Tensor]:
    """The arrays of a released file, from the state dict of our network: the way back of ``convert``.

    Raises:
        ValueError: an unknown network or dialect, or one that cannot be written.
    """
    chosen = _by_name(network, dialect)
    if chosen.export is None:
        able = [one.name for one in _dialects(network) if one.export is not None]
        raise ValueError(f"{network} cannot be written as {dialect!r}; it can be as: {', '.join(able) or 'nothing'}")
    return dict(chosen.export(state, network))


def find_dialect(arrays: Mapping[str, Any], network: str, dialect: str | None = None) -> Dialect:
    """The dialect called ``dialect``, or the first of the network's system that recognises the arrays."""
    if dialect is not None:
        return _by_name(network, dialect)
    offered = _dialects(network)
    found = next((one for one in offered if one.recognises(arrays)), None)
    if found is None:
        names = ", ".join(list(arrays)[:4])
        raise ValueError(
            f"these arrays ({names}, ...) are in none of the layouts of {network}: "
            f"{', '.join(one.name for one in offered)}. Is it a file of another network?"
        )
    return found


def _by_name(network: str, dialect: str) -> Dialect:
    offered = {one.name: one for one in _dialects(network)}
    if dialect not in offered:
        raise ValueError(unknown("dialect", dialect, offered))
    return offered[dialect]


def _dialects(network: str) -> Sequence[Dialect]:
    stem = network.partition("/")[0]
    if stem not in SYSTEMS:
        raise UnknownName("system", stem, SYSTEMS)
    return SYSTEMS[stem]


def _named(arrays: Mapping[str, Any] | Sequence[Any]) -> dict[str, Tensor]:
    pairs = arrays.items() if isinstance(arrays, Mapping) else ((str(i), array) for i, array in enumerate(arrays))
    return {name: _tensor(name, array) for name, array in pairs}


def _tensor(name: str, array: Any) -> Tensor:
    if isinstance(array, Tensor):
        return array.detach()
    try:
        return torch.from_numpy(np.array(array))  # a copy: arrays of a memory map cannot be written
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name!r} is no array of numbers but a {type(array).__name__}: {error}") from error


def _like(array: Tensor, name: str) -> Tensor:
    return array.to(torch.long) if name.endswith(_COUNTER) else array.contiguous()
