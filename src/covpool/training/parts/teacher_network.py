"""The network of a teacher, from a file of ours, a released one, or timm."""

from __future__ import annotations

from pathlib import Path

import timm
from torch import nn

from covpool.data import Preprocessing
from covpool.models import create_network, published_networks, restore_network
from covpool.models.downloads import checked
from covpool.registry import unknown
from covpool.weights import import_file, load_weights

Normalization = tuple[tuple[float, ...], tuple[float, ...]]  # mean and std of pictures in 0..1


def load_teacher(weights: str | None, network: str | None) -> tuple[nn.Module, Normalization]:
    """The network, and the mean and deviation that its pictures are normalised by.

    Raises:
        ValueError: no such file or name, weights that do not fit, or weights that cannot be had here.
    """
    if network is None:
        restored, about = restore_network(str(weights))
        known = Preprocessing.from_dict(about["preprocessing"]) if "preprocessing" in about else None
        return restored, _normalization(restored) if known is None else (known.mean, known.std)
    if network in published_networks:
        return _published(weights, network)
    if network not in timm.list_models():
        raise ValueError(unknown("network for a teacher", network, [*published_networks, *timm.list_models()]))
    model = _of_timm(network, pretrained=weights is None)
    if weights is not None:
        load_weights(model, weights)
    return model, _normalization(model)


def _published(weights: str | None, name: str) -> tuple[nn.Module, Normalization]:
    if weights is None:
        raise ValueError(f"no weights of {name!r} come with covpool; {published_networks.get(name).advice}")
    if Path(weights).suffix == ".safetensors" or Path(weights).is_dir():
        raise ValueError(f"teacher(weights={weights!r}) knows its network; leave network={name!r} out")
    state, ledger = import_file(weights, name)
    network = create_network(name, **ledger.options)
    network.load_state_dict(state, strict=True)
    return network, _normalization(network)


def _of_timm(name: str, *, pretrained: bool) -> nn.Module:
    if not pretrained:
        return timm.create_model(name)
    try:
        return checked(name, lambda: timm.create_model(name, pretrained=True))
    except Exception as error:  # whatever a download raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"the weights of {name!r} cannot be had here ({reason}); give teacher weights=FILE") from error


def _normalization(network: nn.Module) -> Normalization:
    cfg = getattr(network, "pretrained_cfg", {})
    default = Preprocessing()
    return tuple(cfg.get("mean", default.mean)), tuple(cfg.get("std", default.std))
