"""The networks of GM-SOP (Wang et al. NeurIPS 2018) for pictures of 64x64, released as ZilinGao/GM-SOP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covpool.models.named import Named
from covpool.models.published.card import Published, PublishedFile

_SOURCE = "Wang et al. NeurIPS 2018 (GM-SOP), https://github.com/ZilinGao/GM-SOP"
_PREPROCESSING = {
    "mean": (0.485, 0.456, 0.406),
    "std": (1 / 255, 1 / 255, 1 / 255),
    "crop_pct": 1.0,
    "interpolation": "box",
}
_NOTES = (
    "Errors: README, downsampled ImageNet 64x64. Images are RGB in 0..255 minus the mean of the release's own training "
    "data, which is not in its repository: ImageNet's mean stands in for it."
)
_UNREACHED = "Built by the release's script, which its training program never calls; no weights and no error."


def _second_order(backbone: str, pool: str, reduce_to: int | None = None, **rest: Any) -> Named:
    """Networks that pool covariances keep the 16x16 map of the last but one stage."""
    return Named(backbone=backbone, pool=pool, reduce_to=reduce_to, last_stride=1, **rest)


def _first_order(backbone: str, pool: str, reduce_to: int | None = None, **rest: Any) -> Named:
    return Named(backbone=backbone, pool=pool, reduce_to=reduce_to, **rest)


def _released(
    network: Named, label: str, md5: str, parameters: int, flops: int, errors: tuple[float, float], notes: str = ""
) -> Published:
    """``label`` is what the README calls the file; its own name is not in the repository."""
    return Published(
        network=network,
        source=_SOURCE,
        parameters=parameters,
        flops=flops,
        top1_error=errors[0],
        top5_error=errors[1],
        input_size=64,
        preprocessing=_PREPROCESSING,
        files=(PublishedFile(name=f"{label} (.mat)", dialect="matconvnet", md5=md5),),
        notes=f"{_NOTES} {notes}".rstrip(),
    )


def _unreleased(network: Named, parameters: int, flops: int) -> Published:
    return Published(
        network=network,
        source=_SOURCE,
        parameters=parameters,
        flops=flops,
        input_size=64,
        preprocessing=_PREPROCESSING,
        notes=_UNREACHED,
    )


NETWORKS: Mapping[str, Published] = {
    "gm_sop/resnet18": _released(
        _first_order("small_resnet18", "avg"),
        "ResNet-18",
        "cf9bcf22e416773052358870f7786e05",
        829_192,
        140_309_504,
        (52.17, 27.09),
        "The README says 0.9 M parameters.",
    ),
    "gm_sop/resnet18-sr-sop": _released(
        _second_order("small_resnet18", "sr-sop"),
        "ResNet-18-SR-SOP",
        "b4c60d7955d93e6145071a5157e2a2af",
        8_957_192,
        267_975_168,
        (40.56, 19.08),
    ),
    "gm_sop/resnet18-gm-gap": _released(
        _first_order("small_resnet18", "gm-gap", 512, drop_rate=0.2),
        "GM-GAP-16-8 + ResNet-18",
        "f80738566ffe9cabb7a1e88ea6c79dcf",
        2_333_192,
        178_448_384,
        (42.25, 19.46),
    ),
    "gm_sop/resnet18-gm-sop": _released(
        _second_order("small_resnet18", "gm-sop", drop_rate=0.2),
        "GM-SOP-16-8 + ResNet-18",
        "6f0db9de2cbe233278ba8acca67a6f78",
        10_352_776,
        570_163_200,
        (38.48, 17.38),
        "The README says 10.3 M parameters.",
    ),
    "gm_sop/wrn36": _unreleased(_first_order("small_wrn36", "avg"), 6_184_840, 1_142_876_160),
    "gm_sop/wrn36-sr-sop": _unreleased(_second_order("small_wrn36", "sr-sop"), 38_824_840, 2_165_371_904),
    "gm_sop/wrn36-gm-gap": _released(
        _first_order("small_wrn36", "gm-gap", 512, drop_rate=0.2, pool_options={"gate": (512,)}),
        "GM-GAP-16-8 + WRN-36-2",
        "ae26d1ccf77a568ceccaa878acc4d230",
        8_687_496,
        1_218_641_920,
        (35.98, 14.62),
    ),
    "gm_sop/wrn36-gm-sop": _released(
        _second_order("small_wrn36", "gm-sop", 128, drop_rate=0.4, pool_options={"hidden": 512, "gate": (512, 128)}),
        "GM-SOP-16-8 + WRN-36-2",
        "d89ea02e557d087622eb1ea617d516be",
        17_809_160,
        2_629_566_464,
        (32.71, 12.44),
        "The README says 15.7 M parameters, which the released script does not give: the importer reads every width "
        "from the file.",
    ),
}
