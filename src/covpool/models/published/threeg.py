"""The networks of 3G-Net (Wang et al. CVPR 2019), released as csqlwang/3G-Net."""

from __future__ import annotations

from collections.abc import Mapping

from covpool.models.named import Named
from covpool.models.published.card import Published, PublishedFile

_SOURCE = "Wang et al. CVPR 2019 (3G-Net), https://github.com/csqlwang/3G-Net"
_PREPROCESSING = {  # Train-ImageNet.py, validation
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "crop_pct": 0.875,
    "interpolation": "bilinear",
}
_UNRELEASED = "A depth that the code has and of which no weights and no error are published."
_ONE_CROP = "Errors: README, ImageNet, one centre crop."
_TEN_CROPS = "Errors: README, Places365, logits averaged over ten crops; with one crop they are not published."


def _network(backbone: str, num_classes: int = 1000, layers: tuple[int, ...] | None = None) -> Named:
    return Named(
        backbone=backbone,
        pool="threeg",
        reduce_to=256,
        last_stride=1,
        num_classes=num_classes,
        backbone_options={} if layers is None else {"layers": layers},
    )


def _released(
    network: Named, file: str, parameters: int, flops: int, errors: tuple[float, float], notes: str
) -> Published:
    return Published(
        network=network,
        source=_SOURCE,
        parameters=parameters,
        flops=flops,
        top1_error=errors[0],
        top5_error=errors[1],
        preprocessing=_PREPROCESSING,
        files=(PublishedFile(name=file, dialect="pytorch"),),
        notes=notes,
    )


def _unreleased(network: Named, parameters: int, flops: int) -> Published:
    return Published(
        network=network,
        source=_SOURCE,
        parameters=parameters,
        flops=flops,
        preprocessing=_PREPROCESSING,
        notes=_UNRELEASED,
    )


NETWORKS: Mapping[str, Published] = {
    "threeg/resnet18": _unreleased(_network("resnet18"), 45_245_547, 3_538_569_548),
    "threeg/resnet23": _unreleased(_network("resnet26", layers=(1, 2, 2, 2)), 48_338_027, 4_155_132_236),
    "threeg/resnet34": _unreleased(_network("resnet34"), 55_353_707, 6_081_890_636),
    "threeg/resnet50": _released(
        _network("resnet50"), "ResNet50-3G-ImageNet.pth.tar", 57_970_283, 6_775_523_660, (21.34, 5.70), _ONE_CROP
    ),
    "threeg/resnet101": _released(
        _network("resnet101"), "3g_resnet101_ImageNet", 76_962_411, 10_487_744_844, (20.40, 5.21), _ONE_CROP
    ),
    "threeg/resnet152": _unreleased(_network("resnet152"), 92_606_059, 14_199_966_028),
    "threeg/resnet50-places365": _released(
        _network("resnet50", 365),
        "ResNet50-3G-Places365.pth.tar",
        37_080_688,
        6_754_634_700,
        (43.07, 13.44),
        _TEN_CROPS,
    ),
    "threeg/resnet101-places365": _released(
        _network("resnet101", 365), "3g_resnet101_Places365", 56_072_816, 10_466_855_884, (42.82, 13.00), _TEN_CROPS
    ),
}
