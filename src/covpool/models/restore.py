"""Networks from files: run folders, checkpoints and safetensors; and back."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from covpool.models.create import create_network
from covpool.models.network import Network
from covpool.weights import load_weights, read_torch
from covpool.weights.files import is_sharded

logger = logging.getLogger("covpool")

FORMAT = "covpool-checkpoint/1"
BEST = "best.pt"
WEIGHTS = "model.safetensors"  # in a folder of the Hugging Face Hub


def restore_network(path: str | Path) -> tuple[Network, dict[str, Any]]:
    """The network in a file, in eval mode, and what the file says about it.

    Args:
        path: a run folder (its ``best.pt``), a folder of ``save_pretrained``, a ``.pt`` checkpoint (of one file
            or in shards), or a ``.safetensors`` file of ``save_network``.
            Averaged (EMA) weights are taken where there are some. No code in the file is run.

    Returns:
        The network, and ``about``: ``classes``, ``preprocessing``, ``recipe``, ``version``, as far as they are known.

    Raises:
        ValueError: nothing there, not a file of ours, or weights that do not fit its own architecture.
    """
    path = weights_file(path)
    architecture, arrays, about = _read_safetensors(path) if path.suffix == ".safetensors" else _read_checkpoint(path)
    network = _built(path, architecture)
    try:
        load_weights(network, arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return network.eval(), about


def _built(place: object, architecture: Mapping[str, Any]) -> Network:
    """The network that the file at ``place`` describes; no word of a file makes it fetch weights."""
    try:
        return create_network(**{**architecture, "pretrained": False})
    except (TypeError, AttributeError, KeyError, IndexError) as error:  # values of kinds that no network of ours stores
        raise ValueError(f"{place} describes a network that cannot be built: {error}") from error


def network_of(state: Mapping[str, Any]) -> Network:
    """The network of a checkpoint that has been read, as ``restore_network`` gives it."""
    network = _built("the checkpoint", state["architecture"])
    load_weights(network, _judged_weights(state))
    return network.eval()


def _judged_weights(state: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """The averaged (EMA) ones, where there are some."""
    return state["network"] if state.get("ema") is None else state["ema"]


def save_network(network: Network, path: str | Path, about: Mapping[str, Any] | None = None) -> Path:
    """Write a network to one ``.safetensors`` file that ``restore_network`` reads; returns its path.

    Args:
        network: what to store.
        path: where; must end in ``.safetensors``.
        about: what to say about it (classes, preprocessing, recipe), JSON-able.

    Raises:
        ValueError: another suffix.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"a network is saved to a .safetensors file; got {path.name!r}")
    metadata = {
        "format": FORMAT,
        "architecture": json.dumps(network.architecture),
        "about": json.dumps(dict(about or {})),
    }
    arrays = {name: array.detach().cpu().contiguous().clone() for name, array in network.state_dict().items()}
    save_file(arrays, path, metadata=metadata)
    return path


def is_stored(path: str | Path) -> bool:
    """Whether ``restore_network`` knows what lies there, by what the file says of itself."""
    try:
        path = weights_file(path)
        content = _metadata(path) if path.suffix == ".safetensors" else read_torch(path)
    except ValueError:
        return False
    return isinstance(content, Mapping) and content.get("format") == FORMAT


def _metadata(path: Path) -> Mapping[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read as safetensors: {error}") from error


def weights_file(path: str | Path) -> Path:
    """What ``restore_network`` reads: the file in a folder, shards, or the file itself; ValueError where is none."""
    path = Path(path)
    if path.is_dir():
        if is_sharded(path):
            return path
        if found := next((path / name for name in (BEST, WEIGHTS) if (path / name).is_file()), None):
            return found
        others = ", ".join(sorted(file.name for file in path.glob("*.pt"))) or "no checkpoint"
        raise ValueError(f"no {BEST} in {path} ({others} there); name a run folder that finished an epoch, or a file")
    if not path.is_file():
        raise ValueError(f"no run folder or checkpoint at {path}")
    return path


def _read_checkpoint(path: Path) -> tuple[dict[str, Any], Mapping[str, Tensor], dict[str, Any]]:
    content = read_torch(path)
    found = content.get("format") if isinstance(content, Mapping) else None
    if found != FORMAT:
        raise ValueError(
            f"{path} is no checkpoint of covpool (format {FORMAT!r} was needed, got {found!r}); "
            "build the network with create_network and read weights with load_weights"
        )
    parts = [content.get("architecture"), content.get("about") or {}, content.get("ema") or content.get("network")]
    if not all(isinstance(part, Mapping) for part in parts):
        raise ValueError(f"{path} is no whole checkpoint of covpool: architecture, weights or about is missing")
    if content.get("ema") is not None:
        logger.info("%s: taking the averaged (EMA) weights", path)
    return dict(content["architecture"]), _judged_weights(content), dict(content.get("about") or {})


def _read_safetensors(path: Path) -> tuple[dict[str, Any], Mapping[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read as safetensors: {error}") from error
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} says nothing about its network (it was not written by save_network); "
            "build the network with create_network and read weights with load_weights"
        )
    architecture, about = (_described(path, metadata, name) for name in ("architecture", "about"))
    return architecture, arrays, about


def _described(path: Path, metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    """A part of what a file says about its network."""
    try:
        found = json.loads(metadata.get(name, ""))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} holds no {name} that can be read: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no {name}: a mapping was needed, got a {type(found).__name__}")
    return found
