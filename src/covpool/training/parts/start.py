"""Where a network starts: weights of another training, ours or a released one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from covpool.models import Network, published_networks, restore_network
from covpool.models.restore import is_stored
from covpool.weights import import_file, load_weights, read_arrays

logger = logging.getLogger("covpool")

CLASSIFIERS = ("head.classifier.", "head.summary_classifier.")


def start_from(network: Network, weights: str | Path) -> bool:
    """Load ``weights`` into ``network``; whether its classifier got weights too.

    Args:
        weights: a run, a .pt or .safetensors of ours (the averaged weights, where it has some); a released file of the
            published network that ``network`` is; or a state dict of timm for the backbone alone. A classifier of
            another shape stays as it was drawn, and the log says so; anything else left over is an error.

    Raises:
        ValueError: (``WeightsMismatch``) names or shapes differ; both lists are in it.
        CorruptFile: (a ValueError) the file cannot be read.
    """
    arrays = _arrays(network, Path(weights))
    if not any(name.startswith("backbone.") for name in arrays):
        network.load_backbone(arrays)
        logger.warning("%s holds a backbone: the head starts anew", weights)
        return False
    own = network.state_dict()
    anew = [name for name in own if name.startswith(CLASSIFIERS) and _shape(arrays.get(name)) != own[name].shape]
    kept = {name: array for name, array in arrays.items() if not (anew and name.startswith(CLASSIFIERS))}
    fresh = {name: own[name] for name in own if anew and name.startswith(CLASSIFIERS)}
    load_weights(network, {**kept, **fresh})
    if anew:
        logger.warning(
            "%s: its classifier has another shape; ours of %d classes starts anew", weights, _classes(network)
        )
    return not anew


def _arrays(network: Network, path: Path) -> Mapping[str, Any]:
    if is_stored(path):
        return restore_network(path)[0].state_dict()
    name = network.architecture["backbone"]
    if name in published_networks:
        return import_file(path, name)[0]
    return read_arrays(path)


def _shape(array: Any) -> Any:
    return None if array is None else array.shape


def _classes(network: Network) -> int:
    classifier: Tensor = next(p for name, p in network.named_parameters() if name.startswith(CLASSIFIERS))
    return network.num_classes or len(classifier)
