"""A backbone and a head, with the manners of a timm model."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from covpool.models.adaptation.pruning import FROZEN
from covpool.models.architectures.assembled.drop_block import DropBlock, check_keep_prob
from covpool.models.features import Features, Layout, read_features
from covpool.models.heads import Head
from covpool.models.techniques.batch_norm import check_batch_norm
from covpool.models.techniques.body import Body
from covpool.models.techniques.grad_checkpointing import checkpoint_blocks, leave_blocks
from covpool.weights import KEEP, Ledger, Rule, load_weights

logger = logging.getLogger("covpool")

_SOURCES = ("url", "file", "hf_hub_id", "hf_hub_filename", "source", "state_dict", "custom_load", "tag")
_WITH_PREVIOUS = (99999,)  # timm's MATCH_PREV_GROUP: the same layer as what comes before


class Network(nn.Module):
    """Backbone, layout and head. Build one with ``covpool.create_network``.

    Names in the state dict are ``backbone.*``, ``head.pool.*`` and ``head.classifier.*``. Parts of the backbone that
    its features do not use are gone (``architecture["pruned"]`` names them), so a full timm state dict does not load
    as it is; ``load_backbone`` takes one.

    Attributes:
        architecture: JSON-able arguments; ``create_network(**network.architecture)`` builds this network again
            without running anything.
        num_features: channels of the feature map; head_hidden_size: length of the vector before the classifier.
        pretrained_cfg: image size, normalisation and the rest, as timm keeps them.
    """

    def __init__(self, backbone: nn.Module, head: Head, layout: Layout, architecture: dict[str, Any]) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.layout = layout
        self.architecture = architecture
        self.num_classes: int = architecture["num_classes"]
        self.num_features: int = head.pool.in_features  # type: ignore[assignment]
        self.head_hidden_size: int = head.num_features
        self.drop_rate: float = architecture["drop_rate"]
        self.batch_norm = "train"
        self.in_chans = architecture["backbone_options"].get("in_chans", 3)
        cfg = backbone_config(getattr(backbone, "pretrained_cfg", None) or {})
        self.pretrained_cfg: dict[str, Any] = {**cfg, "num_classes": self.num_classes}
        self.default_cfg = self.pretrained_cfg
        self._model_args = dict(architecture)  # what timm's save_for_hf writes for covpool_network

    def features(self, x: Tensor) -> Features:
        """Images -> map (B, C, H, W), tokens as (B, C, N, 1), and class token (B, C) or None."""
        return read_features(self.backbone, self.layout, x)

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> map (B, C, H, W)."""
        return self.features(x).map

    def forward_head(self, x: Tensor | Features, pre_logits: bool = False) -> Tensor:
        """Map, or ``Features`` where the head reads the class token too -> logits, or the vector before them."""
        map, summary = (x, None) if isinstance(x, Tensor) else x
        return self.head(map, summary, pre_logits=pre_logits)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.features(x))

    def forward_intermediates(self, x: Tensor, *args: Any, **options: Any) -> Any:
        """timm's ``forward_intermediates`` of the backbone."""
        return self.backbone.forward_intermediates(x, *args, **options)  # type: ignore[operator]

    @property
    def feature_info(self) -> Any:
        """timm's description of the backbone's stages."""
        return self.backbone.feature_info

    def get_classifier(self) -> nn.Module:
        """The last linear layer."""
        return self.head.classifier

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """A fresh classifier of ``num_classes``; the pool and its weights stay.

        Raises:
            ValueError: another pool is asked for, which needs another network.
        """
        pool = self.architecture["pool"]
        if global_pool not in (None, pool):
            raise ValueError(
                f"reset_classifier keeps the pool {pool!r}; for {global_pool!r} make a new network with create_network"
            )
        like = next(self.parameters())
        self.head.set_classes(num_classes)
        self.head.classifier.to(device=like.device, dtype=like.dtype)
        self.num_classes = num_classes
        self.architecture = {**self.architecture, "num_classes": num_classes}
        self._model_args = {**self._model_args, "num_classes": num_classes}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any] | Callable[[str], Any]:
        """timm's layers for layer-wise learning rates: the backbone's own, then the head as the last one."""
        matcher = getattr(self.backbone, "group_matcher", None)
        if matcher is None:
            return {"backbone": r"^backbone\.", "head": r"^head\."}
        patterns = matcher(coarse=coarse)
        if callable(patterns):
            return lambda name: patterns(name.removeprefix("backbone.")) if _is_backbone(name) else float("inf")
        prefixed = {group: _prefixed(pattern) for group, pattern in patterns.items()}
        return {**prefixed, "rest of the backbone": [(r"^backbone\.", _WITH_PREVIOUS)], "head": r"^head\."}

    def no_weight_decay(self) -> set[str]:
        """Names of parameters that the backbone keeps from weight decay."""
        names: Iterable[str] = getattr(self.backbone, "no_weight_decay", set)()
        present = {name for name, _ in self.backbone.named_parameters()}
        return {f"backbone.{name}" for name in names if name in present}

    def set_keep_prob(self, keep_prob: float) -> None:
        """What DropBlock keeps from now on, wherever it is; a schedule calls this at each step.

        Raises:
            ValueError: no probability above 0, or a network without DropBlock.
        """
        check_keep_prob(keep_prob)
        drops = [module for module in self.backbone.modules() if isinstance(module, DropBlock)]
        if not drops:
            raise ValueError(f"keep_prob needs a network with DropBlock; {self.architecture['backbone']!r} has none")
        for drop in drops:
            drop.keep_prob = keep_prob

    def set_batch_norm(self, mode: str) -> None:
        """What the backbone's batch norms do in training from now on: ``train`` (default), ``frozen-statistics``
        (normalise by the running statistics, which stay; scale and shift learn), ``frozen`` (these stay too).

        Training by a recipe keeps it; elsewhere call ``hold_batch_norms(network.backbone, mode)`` after ``train()``.

        Raises:
            ValueError: another mode, or a backbone without batch norms.
        """
        check_batch_norm(self.backbone, mode)
        self.batch_norm = mode

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade compute for memory in the backbone: its maps are computed again in the backward pass.

        Raises:
            ValueError: a backbone without blocks.
        """
        if enable:
            checkpoint_blocks(Body(self.backbone, self.architecture["backbone_options"]))
        else:
            leave_blocks(self.backbone)

    def set_input_size(self, **sizes: Any) -> None:
        """Adapt a fixed-size backbone to another ``img_size`` (or patch, window size), as timm does."""
        self.backbone.set_input_size(**sizes)  # type: ignore[operator]
        given = {name: value for name, value in sizes.items() if value is not None}
        self.architecture = {
            **self.architecture,
            "backbone_options": {**self.architecture["backbone_options"], **given},
        }
        self._model_args = dict(self.architecture)

    def load_backbone(self, weights: str | Path | Mapping[str, Any]) -> Ledger:
        """Load a timm state dict (file or mapping) into the backbone, strictly.

        The classifier and the pruned parts are dropped by rule; anything else left over is an error.
        """
        classifier = (getattr(self.backbone, "pretrained_cfg", None) or {}).get("classifier") or ()
        heads = [classifier] if isinstance(classifier, str) else list(classifier)
        pruned = [name for name in self.architecture["pruned"] if not name.startswith(FROZEN)]
        dropped = "|".join(re.escape(name) for name in [*heads, *pruned])
        rules = [Rule(rf"({dropped})(\..+)?", None), KEEP] if dropped else [KEEP]
        return load_weights(self.backbone, weights, rules=rules)


def _is_backbone(name: str) -> bool:
    return name.startswith("backbone.")


def _prefixed(pattern: Any) -> Any:
    """A pattern of timm, or a list of (pattern, suffix), for names that begin with ``backbone.``."""
    if pattern is None:
        return None
    if isinstance(pattern, str):
        inner = re.sub(r"(^|[|(])\^", r"\1", pattern)  # anchors in front of each alternative go before the prefix
        return rf"^backbone\.(?:{inner})"
    return [(_prefixed(inner), suffix) for inner, suffix in pattern]


def backbone_config(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """A backbone's timm configuration as that of a whole network on it, whose weights nobody publishes."""
    first = cfg.get("first_conv")
    names = [first] if isinstance(first, str) else list(first or ())
    prefixed = tuple(f"backbone.{name}" for name in names)
    return {
        **{key: value for key, value in cfg.items() if key not in _SOURCES},
        "architecture": "covpool_network",
        "classifier": "head.classifier",
        "first_conv": prefixed[0] if isinstance(first, str) else (prefixed or None),
    }
