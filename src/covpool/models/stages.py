"""Feature maps of several stages of a frozen backbone, for classifiers trained on stored features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn

from covpool.models.backbone import (
    WeightsUnavailable,
    check_backbone,
    find_offline,
    load_offline,
    own_backbones,
    with_downloads,
)

Stage = str | int


class StageFeatures(nn.Module):
    """A frozen backbone that gives the maps of chosen stages.

    It stays in eval mode and needs no gradients, whatever ``train()`` is told.

    Shape: (B, 3, H, W) -> {stage: (B, C, h, w)}.

    Args:
        backbone: a name of timm, or one of our own.
        stages: ``"last"``: the last map before the backbone's head. ``"middle"``: the last map of the resolution
            before (of half the depth, where all blocks have one resolution, as in a ViT). Or an index into timm's
            ``feature_info``, as a number or text: ``3``, ``"-2"``.
        pretrained: weights as for ``create_network``.
        image_size: for fixed-size backbones, the size they are built for; for others what ``pretrained_cfg`` says.
        backbone_options: options of timm's model.

    The maps are those of timm's ``features_only``: without the 1x1 expansion that some families, EfficientNet for
    one, put after their last stage, and without a final norm of tokens.

    Attributes:
        channels: stage -> number of channels; pretrained_cfg: image size, normalisation, as timm keeps them.

    Raises:
        ValueError: unknown backbone or stage, weights that cannot be had, a backbone without stages.

    Example:
        >>> StageFeatures("conv4", stages=["middle", "last"]).channels
        {'middle': 24, 'last': 96}
    """

    def __init__(
        self,
        backbone: str,
        stages: Sequence[Stage] = ("middle", "last"),
        *,
        pretrained: bool = False,
        image_size: int | None = None,
        backbone_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_backbone(backbone)
        options = dict(backbone_options or {})
        extract = _Own if backbone in own_backbones else _Timm
        self.extract: _Own | _Timm = extract(
            backbone, list(stages), options, pretrained=pretrained, image_size=image_size
        )
        self.stages = tuple(map(str, stages))
        self.channels = dict(zip(self.stages, self.extract.channels, strict=True))
        cfg = dict(self.extract.pretrained_cfg)
        if image_size is not None:
            cfg["input_size"] = (cfg["input_size"][0], image_size, image_size)
        self.pretrained_cfg: dict[str, Any] = cfg
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> StageFeatures:
        """Stays in eval mode: the features are frozen."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.stages, self.extract(x), strict=True))


class _Timm(nn.Module):
    """The stages of a timm model, through its ``features_only`` form, which ends at the last one asked for."""

    def __init__(
        self, name: str, stages: list[Stage], options: dict[str, Any], *, pretrained: bool, image_size: int | None
    ) -> None:
        super().__init__()
        options = _sized(name, options, image_size)
        full = _features_only(name, options)
        chosen = [_index(stage, full.feature_info.info, name) for stage in stages]
        self.order = sorted(set(chosen))
        options["out_indices"] = tuple(self.order)
        self.body = _with_weights(name, options) if pretrained else _features_only(name, options)
        self.positions = [self.order.index(index) for index in chosen]
        widths = self.body.feature_info.channels()
        self.channels = [widths[position] for position in self.positions]
        self.pretrained_cfg: dict[str, Any] = self.body.pretrained_cfg
        self.channels_last = str(getattr(self.body, "output_fmt", "NCHW")).endswith("NHWC")

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = self.body(x)
        if self.channels_last:
            maps = [each.permute(0, 3, 1, 2) for each in maps]
        return [maps[position] for position in self.positions]


class _Own(nn.Module):
    """The stages of one of our own backbones."""

    def __init__(
        self, name: str, stages: list[Stage], options: dict[str, Any], *, pretrained: bool, image_size: int | None
    ) -> None:
        super().__init__()
        if pretrained:
            raise WeightsUnavailable(f"no pretrained weights exist for {name!r}; pass pretrained=False")
        body: Any = own_backbones.get(name)(**options)
        info = body.feature_info
        self.chosen = [_index(stage, info, name) for stage in stages]
        self.order = sorted(set(self.chosen))
        self.channels = [info[index]["num_chs"] for index in self.chosen]
        self.pretrained_cfg: dict[str, Any] = body.pretrained_cfg
        self.body = body

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = self.body.forward_intermediates(x, self.order)
        return [maps[self.order.index(index)] for index in self.chosen]


def _index(stage: Stage, info: Sequence[Mapping[str, Any]], name: str) -> int:
    """Where in ``info`` the stage is; ValueError with the choices where it is not."""
    count = len(info)
    if stage == "last":
        return count - 1
    if stage == "middle":
        earlier = [i for i, each in enumerate(info) if each["reduction"] < info[-1]["reduction"]]
        return earlier[-1] if earlier else max(count // 2 - 1, 0)
    try:
        index = int(stage)
    except ValueError:
        index = count
    if not -count <= index < count:
        raise ValueError(
            f"unknown stage {stage!r} of {name}; choose 'middle', 'last', or a number from 0 to {count - 1} "
            f"(or -{count} to -1, from the end)"
        )
    return index % count


def _sized(name: str, options: dict[str, Any], image_size: int | None) -> dict[str, Any]:
    """``options`` with the image size, for backbones that are built for one size."""
    fixed = image_size is not None and timm.get_pretrained_cfg_value(name, "fixed_input_size")
    return {**options, "img_size": image_size} if fixed else dict(options)


def _features_only(name: str, options: Mapping[str, Any], *, pretrained: bool = False) -> Any:
    try:
        return timm.create_model(name, features_only=True, pretrained=pretrained, **options)
    except (TypeError, AttributeError, AssertionError, RuntimeError) as error:
        if pretrained:
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"timm offers no stages of {name!r} ({reason}); train it end to end with create_network, or choose "
            "another backbone for frozen features"
        ) from error


def _with_weights(name: str, options: Mapping[str, Any]) -> Any:
    if (package := find_offline(name)) is None:
        return with_downloads(name, lambda: _features_only(name, options, pretrained=True))
    body = _features_only(name, options)
    load_offline(body, *package, without="classifier|conv_head|bn2")
    return body
