"""Networks with a name of their own: a backbone, a pool, and the settings that go with the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from covpool.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Named:
    """A row of the table: arguments of ``create_network``, under which they are explained.

    Args:
        backbone: a name of timm, or of one of our own backbones.
        pool: a name of ``covpool.list_pools()``.
        reduce_to: channels that are pooled, after a 1x1 convolution; None: all;
            ``"auto"``: as ``create_network`` decides.
        last_stride: 1 keeps the last stage at the resolution of the one before, as the published networks do.
        num_classes, drop_rate, hidden, embedding, summary, pool_options, backbone_options, techniques, layout,
            pruned: as in ``create_network``.
    """

    backbone: str
    pool: str = "isqrt"
    reduce_to: int | str | None = 256
    last_stride: int | None = None
    num_classes: int = 1000
    drop_rate: float = 0.0
    hidden: Sequence[int] = ()
    embedding: int | None = None
    summary: str | None = None
    pool_options: Mapping[str, Any] = field(default_factory=dict)
    backbone_options: Mapping[str, Any] = field(default_factory=dict)
    techniques: Sequence[Mapping[str, Any]] = ()
    layout: str | None = None
    pruned: Sequence[str] | None = None


named_networks = Registry[Named]("network")


def _row(
    name: str, backbone: str, pool: str = "isqrt", reduce_to: int | None = 256, last_stride: int | None = None
) -> None:
    row = Named(backbone=backbone, pool=pool, reduce_to=reduce_to, last_stride=last_stride)
    named_networks.register(name, row)


# Residual networks as in Li et al. CVPR 2018: 256 channels, no halving in the last stage.
_row("resnet18_isqrt", "resnet18", last_stride=1)
_row("resnet34_isqrt", "resnet34", last_stride=1)
_row("resnet50_isqrt", "resnet50", last_stride=1)
_row("resnet101_isqrt", "resnet101", last_stride=1)
_row("resnet152_isqrt", "resnet152", last_stride=1)
_row("resnet50d_isqrt", "resnet50d", last_stride=1)
_row("resnet50_mpncov_eig", "resnet50", "mpncov-eig", last_stride=1)
_row("resnet50_covariance", "resnet50", "covariance", last_stride=1)
_row("resnet50_bilinear", "resnet50", "bilinear", last_stride=1)
# VGG-D without its last max-pool, as B-CNN (Lin et al. ICCV 2015) takes it: 512 channels, 262,144 numbers.
_row("vgg16_bilinear", "vgg16", "bilinear", None, last_stride=1)
_row("vgg16_bn_isqrt", "vgg16_bn", last_stride=1)
# Newer convolutional backbones, at their own resolution where the last step cannot be kept.
_row("seresnet50_isqrt", "seresnet50", last_stride=1)
_row("resnext50_32x4d_isqrt", "resnext50_32x4d", last_stride=1)
_row("resnetv2_50_isqrt", "resnetv2_50", last_stride=1)
_row("densenet121_isqrt", "densenet121", last_stride=1)
_row("regnety_016_isqrt", "regnety_016", last_stride=1)
_row("tf_efficientnet_lite0_isqrt", "tf_efficientnet_lite0", last_stride=1)
_row("efficientnet_b0_isqrt", "efficientnet_b0", last_stride=1)
_row("mobilenetv3_large_100_isqrt", "mobilenetv3_large_100", last_stride=1)
_row("convnext_tiny_isqrt", "convnext_tiny")
# Transformers: the positions of the last block, class token set aside.
_row("deit_small_patch16_224_isqrt", "deit_small_patch16_224")
_row("vit_small_patch16_224_isqrt", "vit_small_patch16_224")
_row("swin_tiny_patch4_window7_224_isqrt", "swin_tiny_patch4_window7_224")
