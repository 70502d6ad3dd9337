"""The convolutional networks of DropCov (NeurIPS 2022) and of covariance pooling from the view of optimization."""

from __future__ import annotations

from collections.abc import Mapping

from covpool.models.named import Named
from covpool.models.published.card import Published, PublishedFile
from covpool.models.published.gcp_opt_sizes import SIZES

_CVPR = "Wang et al. CVPR 2020, https://github.com/ZhangLi-CS/GCP_Optimization"
_NEURIPS = "Wang et al. NeurIPS 2022 (DropCov), https://github.com/mingzeG/DropCov"
_TPAMI = "Wang et al. TPAMI 2023, https://github.com/Terror03/GCP-OPT"
_PREPROCESSING = {  # Resize 256, CenterCrop 224 in all three releases
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "crop_pct": 0.875,
    "interpolation": "bilinear",
}
_UNRELEASED = "The code has it; no weights and no accuracy are published."
_LRNORM = "Accuracy: README, schedule LRnorm. Files of LRfast and LRadju have the same layout."
_REMARKS = {"shufflenet_v2_x1_0": " The README does not say which width it is; the training script names x1_0."}
_WIDTH = (
    "The released class pools 256 channels; the published parameter counts fit 128, and the README's example file is "
    "called r18_64. The importer takes the width from the file."
)
_FRAMEWORK = (
    "Trained with MindSpore: batch norm eps 1e-4 (1e-5 in places), and in ResNet-50 padding to one side. The weights "
    "fit the PyTorch network of the same depth and compute something else there."
)
_CLASSES = "Classes in the released files are not established (1000 or 1001): they are read from the file."


def _card(
    name: str,
    network: Named,
    source: str,
    accuracy: tuple[float, float | None] | None = None,
    file: PublishedFile | None = None,
    notes: str = "",
) -> Published:
    """``accuracy``: top-1 and top-5 in percent, as the READMEs state them."""
    top1, top5 = accuracy or (None, None)
    parameters, flops = SIZES[name]
    return Published(
        network=network,
        source=source,
        parameters=parameters,
        flops=flops,
        top1_error=None if top1 is None else round(100 - top1, 2),
        top5_error=None if top5 is None else round(100 - top5, 2),
        preprocessing=_PREPROCESSING,
        files=() if file is None else (file,),
        notes=notes,
    )


def _resnet(depth: int, pool: str, width: int | None) -> Named:
    stride = None if pool == "avg" else 1
    return Named(backbone=f"resnet{depth}", pool=pool, reduce_to=width, last_stride=stride, layout="NCHW", pruned=())


def _mobile(backbone: str, width: int | None, drop_rate: float) -> Named:
    """Mobile networks keep their last stride, and reduce with ReLU6."""
    pool, options = ("avg", {}) if width is None else ("isqrt", {"reduce_act": "relu6"})
    return Named(
        backbone=backbone,
        pool=pool,
        reduce_to=width,
        pool_options=options,
        drop_rate=drop_rate,
        layout="NCHW",
        pruned=(),
    )


def _mindspore(depth: int, pool: str) -> Named:
    return Named(
        backbone=f"mindspore_resnet{depth}",
        pool=pool,
        reduce_to=128,
        pool_options={"reduce_eps": 1e-4},
        layout="NCHW",
        pruned=(),
    )


# README of GCP_Optimization, schedule LRnorm: network -> row of the table, top-1, top-5.
_CVPR_ROWS: Mapping[str, tuple[str, float, float]] = {
    "mobilenet-v2-gap": ("MobileNetV2_GAP_LRnorm", 71.62, 90.18),
    "mobilenet-v2-mpncov": ("MobileNetV2_GCP_LRnorm", 74.39, 91.86),
    "mobilenet-v2-mpncov-128": ("MobileNetV2_GCP_LRnorm_128", 73.28, 91.26),
    "shufflenet-v2-x1_0-gap": ("ShuffleNetV2_GAP_LRnorm", 67.96, 87.84),
    "shufflenet-v2-x1_0-mpncov": ("ShuffleNetV2_GCP_LRnorm", 71.83, 90.04),
    "resnet18-gap": ("ResNet18_GAP_LRnorm", 70.47, 89.59),
    "resnet18-mpncov": ("ResNet18_GCP_LRnorm", 75.48, 92.23),
    "resnet34-gap": ("ResNet34_GAP_LRnorm", 74.19, 91.60),
    "resnet34-mpncov": ("ResNet34_GCP_LRnorm", 77.11, 93.33),
    "resnet50-gap": ("ResNet50_GAP_LRnorm", 76.02, 92.97),
    "resnet50-mpncov": ("ResNet50_GCP_LRnorm", 78.56, 94.09),
    "resnet50-mpncov-128": ("ResNet50_GCP_LRnorm_128", 78.02, 94.02),
    "resnet101-gap": ("ResNet101_GAP_LRnorm", 77.67, 93.83),
    "resnet101-mpncov": ("ResNet101_GCP_LRnorm", 79.47, 94.71),
}
_CVPR_NETWORKS: Mapping[str, Named] = {
    **{f"resnet{depth}-gap": _resnet(depth, "avg", None) for depth in (18, 34, 50, 101)},
    **{f"resnet{depth}-mpncov": _resnet(depth, "isqrt", 256) for depth in (18, 34, 50, 101, 152)},
    **{f"resnet{depth}-mpncov-128": _resnet(depth, "isqrt", 128) for depth in (18, 34, 50, 101, 152)},
    "mobilenet-v2-gap": _mobile("mobilenetv2_100", None, 0.2),
    "mobilenet-v2-mpncov": _mobile("mobilenetv2_100", 256, 0.2),
    "mobilenet-v2-mpncov-128": _mobile("mobilenetv2_100", 128, 0.2),
    "shufflenet-v2-x1_0-gap": _mobile("shufflenet_v2_x1_0", None, 0.0),
    **{f"shufflenet-v2-{w}-mpncov": _mobile(f"shufflenet_v2_{w}", 256, 0.0) for w in ("x0_5", "x1_0", "x1_5", "x2_0")},
}


def _cvpr(name: str, network: Named) -> Published:
    if name not in _CVPR_ROWS:
        return _card(name, network, _CVPR, notes=_UNRELEASED)
    row, top1, top5 = _CVPR_ROWS[name]
    file = PublishedFile(name=f"{row}.pth.tar", dialect="pytorch")  # the suffix: src/scripts/val/val_download.sh
    return _card(name, network, _CVPR, (top1, top5), file, f"{_LRNORM}{_REMARKS.get(network.backbone, '')}")


_DROPCOV: Mapping[str, tuple[float, float | None]] = {  # README of DropCov; ResNet-18 is its evaluation example
    "resnet18-dropcov": (73.5, 91.2),
    "resnet34-dropcov": (76.81, None),
    "resnet50-dropcov": (78.19, None),
    "resnet101-dropcov": (79.51, None),
}
_MINDSPORE: Mapping[str, float] = {  # README of GCP-OPT
    "mindspore-resnet18-mpncov": 74.64,
    "mindspore-resnet34-mpncov": 76.27,
    "mindspore-resnet50-mpncov": 77.71,
    "mindspore-resnet18-dropcov": 73.8,
    "mindspore-resnet34-dropcov": 76.13,
    "mindspore-resnet50-dropcov": 77.77,
}
_POOLS = {"mpncov": "isqrt", "dropcov": "dropcov"}


def _dropcov(depth: int) -> Published:
    name = f"resnet{depth}-dropcov"
    file = PublishedFile(name="r18_64_acd_best.pth.tar", dialect="pytorch") if depth == 18 else None
    notes = _WIDTH if name in _DROPCOV else f"{_UNRELEASED} {_WIDTH}"
    return _card(name, _resnet(depth, "dropcov", 256), _NEURIPS, _DROPCOV.get(name), file, notes)


def _from_mindspore(name: str, top1: float) -> Published:
    _, resnet, pool = name.split("-")
    network = _mindspore(int(resnet.removeprefix("resnet")), _POOLS[pool])
    return _card(name, network, _TPAMI, (top1, None), notes=f"{_FRAMEWORK} {_CLASSES}")


NETWORKS: Mapping[str, Published] = {
    **{f"gcp_opt/{name}": _cvpr(name, network) for name, network in _CVPR_NETWORKS.items()},
    **{f"gcp_opt/resnet{depth}-dropcov": _dropcov(depth) for depth in (18, 34, 50, 101, 152)},
    **{f"gcp_opt/{name}": _from_mindspore(name, top1) for name, top1 in _MINDSPORE.items()},
}
