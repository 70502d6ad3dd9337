"""Load weights into a network, strictly: what is left over on either side is an error."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from covpool.weights.rename import KEEP, Ledger, Rule, WeightsMismatch, rename

logger = logging.getLogger("covpool")

# Where files of training programs keep the network among other things, in the order they are looked for: averaged
# weights first, which is what their programs judge too (timm's state_dict_ema, the transformers of DropCov).
_NESTED = ("ema", "state_dict_ema", "network", "state_dict", "model")
_HARMLESS = [argparse.Namespace]  # the arguments of a training program, in checkpoints of timm


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
        weights: a ``.safetensors``, ``.pt`` or ``.pth`` file (read with ``weights_only``), or name -> array.
        rules: how names are renamed, first match first; None: they are the network's own.

    Raises:
        WeightsMismatch: something is left over; the ledger inside lists it.
        ValueError: the file holds no weights.

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


def read_arrays(path: str | Path) -> Mapping[str, Tensor]:
    """Name -> tensor of a ``.safetensors`` file or of a PyTorch file, in which no code is run.

    Raises:
        ValueError: the file is missing, no weights file, or needs code to be run.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no weights file at {path}")
    if path.suffix == ".safetensors":
        return load_file(path)
    return _arrays_within(read_torch(path), path)


def read_torch(path: Path) -> Any:
    """The content of a PyTorch file, in which no code is run; ValueError where that cannot be."""
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling the bytes of a stranger raises anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} cannot be read as a PyTorch file of plain weights: {reason}") from error


def _arrays_within(content: Any, path: Path) -> Mapping[str, Tensor]:
    if isinstance(content, Mapping):
        for key in _NESTED:
            if isinstance(content.get(key), Mapping):
                logger.info("%s: taking the weights under %r", path, key)
                return content[key]
        if content and all(isinstance(value, Tensor | np.ndarray) for value in content.values()):
            return content
    raise ValueError(f"{path} holds no weights: a mapping of names to tensors was needed, got {_described(content)}")


def _described(content: Any) -> str:
    if isinstance(content, Mapping):
        return f"a mapping of {', '.join(map(str, list(content)[:5]))}"
    return f"a {type(content).__name__}"
