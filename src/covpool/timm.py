"""Our networks as timm models: import this module, or run a timm script through it.

``import covpool.timm`` registers the networks of ``covpool.models.named`` and one parametric entry,
``covpool_network(backbone=..., pool=...)``, in timm::

    timm.create_model("resnet50_isqrt", num_classes=10)
    timm.create_model("covpool_network", backbone="convnext_tiny", pool="covariance", num_classes=10)

``pretrained=True`` asks for weights of the whole network; the backbone's own are ``pretrained_backbone=True``.

timm's scripts import no third-party package, so this module runs them with the names registered::

    python -m covpool.timm train.py DATA --model resnet50_isqrt --model-kwargs pretrained_backbone=True
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import PretrainedCfg, build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from covpool.models import create_network, named_networks
from covpool.models.adaptation.last_stride import keep_last_resolution
from covpool.models.adaptation.probe import image_shape
from covpool.models.backbone import own_backbones
from covpool.models.network import Network, backbone_config

__all__ = ["main"]

PARAMETRIC = "covpool_network"

# What create_network takes; everything else that timm passes on is for the backbone.
_OURS = (
    "num_classes",
    "reduce_to",
    "last_stride",
    "drop_rate",
    "hidden",
    "embedding",
    "summary",
    "pool_options",
    "techniques",
    "layout",
    "pruned",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a script with our networks registered; its exit code is passed through."""
    parser = argparse.ArgumentParser(
        prog="python -m covpool.timm",
        description="Run a script of timm (train.py, validate.py, ...) with the networks of covpool registered.",
        epilog="example: python -m covpool.timm train.py DATA --model resnet50_isqrt --num-classes 10",
    )
    parser.add_argument("script", help="path of the script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script is given")
    given = parser.parse_args(argv)
    script = Path(given.script)
    if not script.is_file():
        parser.exit(2, f"{parser.prog}: no script at {script}; give the path of one, such as train.py of timm\n")
    sys.argv = [str(script), *given.arguments]
    sys.path.insert(0, str(script.resolve().parent))  # as Python does for a script
    runpy.run_path(str(script), run_name="__main__")
    return 0


def _entry(name: str) -> Callable[..., nn.Module]:
    """The function that timm calls for the network of this name."""

    def build(pretrained: bool = False, **options: Any) -> nn.Module:
        backbone = options.pop("backbone", "resnet50") if name == PARAMETRIC else name
        return _build(name, backbone, pretrained, options)

    build.__name__ = build.__qualname__ = name
    build.__module__ = "covpool.timm"
    build.__doc__ = f"{name}, with the arguments of covpool.create_network beside those of timm."
    return build


def _build(name: str, backbone: str, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    if options.pop("features_only", False):
        return _features_only(backbone, options)
    if pretrained or "pretrained_model_args" in options:  # a saved network brings its own weights
        options["pretrained_backbone"] = False
    cfg = options.pop("pretrained_cfg", None) or _configuration(backbone, name)
    overlay = options.get("pretrained_cfg_overlay") or {}
    if pretrained and not _names_weights(name, cfg) and not any(overlay.get(key) for key in _SOURCES):
        raise ValueError(
            f"no weights are published for the whole network {name!r}; pass pretrained_backbone=True "
            "(--model-kwargs pretrained_backbone=True) for those of its backbone under a fresh head"
        )
    return build_model_with_cfg(_network, name, pretrained, pretrained_cfg=cfg, backbone=backbone, **options)


_SOURCES = ("file", "url", "hf_hub_id", "state_dict")


def _names_weights(name: str, cfg: str | Mapping[str, Any] | PretrainedCfg) -> bool:
    if isinstance(cfg, str):
        cfg = timm.get_pretrained_cfg(f"{name}.{cfg}", allow_unregistered=False)
    return any((cfg.get(key) if isinstance(cfg, Mapping) else getattr(cfg, key, None)) for key in _SOURCES)


def _network(
    backbone: str,
    pool: str = "isqrt",
    pretrained_backbone: bool = False,
    global_pool: str = "",
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Network:
    """``create_network``, for timm, which mixes the backbone's options with ours."""
    if global_pool not in ("", pool):
        raise ValueError(f"global_pool={global_pool!r}: this network pools by pool={pool!r}; pass pool= instead")
    ours = {key: options.pop(key) for key in _OURS if key in options}
    extra = {**(options.pop("backbone_options", None) or {}), **options}
    if extra.get("in_chans") == 3:
        del extra["in_chans"]  # timm always says so, and the default needs no saying
    network = create_network(backbone, pool, pretrained=pretrained_backbone, backbone_options=extra, **ours)
    network._model_args = {}  # timm notes what it was given itself
    return network.to(device=device, dtype=dtype)


def _configuration(backbone: str, name: str) -> PretrainedCfg:
    """The backbone's configuration, as that of the network ``name`` on it."""
    if backbone in named_networks:
        backbone = named_networks.get(backbone).backbone
    if backbone in own_backbones:
        cfg: Mapping[str, Any] = own_backbones.get(backbone)().pretrained_cfg  # type: ignore[assignment]
    else:
        known = timm.get_pretrained_cfg(backbone)
        cfg = known.to_dict() if known else {}
    values = {**backbone_config(cfg), "architecture": name, "num_classes": 1000}
    accepted = {field.name for field in fields(PretrainedCfg)}
    return PretrainedCfg(**{key: value for key, value in values.items() if key in accepted})


def _features_only(backbone: str, options: dict[str, Any]) -> nn.Module:
    """timm's list of the backbone's maps, with the last stage at the resolution that the network gives it."""
    row = named_networks.get(backbone) if backbone in named_networks else None
    ours = {key: options.pop(key, None) for key in (*_OURS, "pool", "global_pool", "pretrained_cfg")}
    pretrained = bool(options.pop("pretrained_backbone", False))
    name = row.backbone if row else backbone
    model = timm.create_model(name, pretrained=pretrained, features_only=True, **options)
    info = model.feature_info
    last_stride = ours["last_stride"] or (row.last_stride if row else None)
    if last_stride is not None and max(info.out_indices) in (len(info) - 1, -1):
        images = torch.zeros(1, *image_shape(model, options))
        keep_last_resolution(model.eval(), lambda: model(images)[-1])
        info.info[-1]["reduction"] //= 2
        model.train()
    return model


def _register() -> None:
    """Add the names to timm's registry; those that are there already stay as they are."""
    module = sys.modules["covpool.timm"]
    names = [name for name in (*named_networks, PARAMETRIC) if not timm.is_model(name)]
    for name in names:
        entry = register_model(_entry(name))
        setattr(module, name, entry)


if __name__ in ("__main__", "__mp_main__"):  # run as a script: timm's registry must hold covpool.timm's functions
    from covpool.timm import main as run

    if __name__ == "__main__":
        sys.exit(run())
else:
    default_cfgs = generate_default_cfgs(
        {name: _configuration(name, name) for name in named_networks}
        | {PARAMETRIC: _configuration("resnet50", PARAMETRIC)}
    )
    _register()
