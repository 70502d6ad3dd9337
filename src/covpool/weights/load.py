"""Load weights into a network, strictly: what is left over on either side is an error."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from covpool.weights.files import read_arrays
from covpool.weights.rename import KEEP, Ledger, Rule, WeightsMismatch, rename

logger = logging.getLogger("covpool")


def load_weights(
    network: nn.Module,
    weights: str | Path | Mapping[str, Any],
    *,
    rules: Sequence[Rule] | None = None,
) -> Ledger:
    """Load ``weights`` into ``network`` and give the account of it.

    Nothing is changed unless everything fits: every array has a place (or is dropped by a rule), every name of the
    network is filled, every shape agrees.

    Args:
        network: any module.
        weights: a file that ``read_arrays`` reads, or name -> array.
        rules: how names are renamed, first match first; None: they are the network's own.

    Raises:
        WeightsMismatch: something is left over; the ledger inside lists it.
        CorruptFile: (a ValueError) the file cannot be read, or holds no weights.

    Example:
        >>> a, b = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> print(load_weights(b, a.state_dict()))
        2 loaded, 0 dropped by rule, 0 unmatched, 0 unfilled
    """
    source = "the weights" if isinstance(weights, Mapping) else f"the weights in {weights}"
    arrays = weights if isinstance(weights, Mapping) else read_arrays(weights)
    renamed, ledger = rename(arrays, [KEEP] if rules is None else rules)
    ledger.compare(renamed, {name: tensor.shape for name, tensor in network.state_dict().items()})
    if not ledger.complete:
        raise WeightsMismatch(ledger, source)
    network.load_state_dict({name: torch.as_tensor(array) for name, array in renamed.items()}, strict=True)
    logger.debug("%s: %s", source, ledger)
    return ledger
