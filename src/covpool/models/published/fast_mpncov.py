"""The networks of fast MPN-COV: the three with published weights, the three-part builder's, and those for CIFAR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from covpool.models.architectures.cifar_resnet import DEPTHS, PREACTIVATED_DEPTHS
from covpool.models.named import Named
from covpool.models.published.card import Published, PublishedFile
from covpool.models.published.fast_mpncov_sizes import SIZES

PYTORCH = "Li et al. CVPR 2018; jiangtaoxie/fast-MPN-COV"
TENSORFLOW = "Li et al. CVPR 2018; XuChunqiao/Tensorflow-Fast-MPNCOV"
# imagepreprocess.py of the PyTorch release: 256 on the short side, the middle 224; torchvision's bilinear
IMAGENET: dict[str, Any] = {
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "crop_pct": 0.875,
    "interpolation": "bilinear",
}
CUB = {**IMAGENET, "crop_pct": 1.0}  # 448 on the short side, the middle 448
CIFAR100: dict[str, Any] = {
    "mean": (0.507, 0.487, 0.441),
    "std": (0.267, 0.256, 0.276),
    "crop_pct": 1.0,
    "interpolation": "bilinear",
}
VGG_HIDDEN = (4096, 4096)

_RESNET = Named(backbone="resnet50", pool="isqrt", reduce_to=256, last_stride=1, layout="NCHW", pruned=())
_VGG = Named(
    backbone="vgg16_bn", last_stride=1, hidden=VGG_HIDDEN, drop_rate=0.5, layout="NCHW", pruned=("pre_logits",)
)


def _card(name: str, network: Named, source: str, **facts: Any) -> Published:
    parameters, flops = SIZES[name]
    return Published(network=network, source=source, parameters=parameters, flops=flops, **facts)


# The table of the README: single crop 224, errors of the PyTorch release; the others are in the notes.
_RELEASED: dict[str, tuple[Named, str, dict[str, Any]]] = {
    "resnet50": (
        _RESNET,
        PYTORCH,
        {
            "top1_error": 21.71,
            "top5_error": 6.13,
            "files": (
                # served by the code; trained before December 2018, when the triangle was the lower one (issue 20)
                PublishedFile(name="mpncovresnet50-15991845.pth", dialect="pytorch-legacy", md5="15991845"),
                PublishedFile(name="mpncovresnet50.mat", dialect="tensorflow"),
            ),
            "notes": "TensorFlow release 21.57/6.14, paper 22.14/6.22. Fine-tuned at 448: CUB 88.0, Aircraft 90.3, "
            "Cars 92.3 % correct (PyTorch README). The retrained file of the README (January 2020) has today's order.",
        },
    ),
    "resnet101": (
        replace(_RESNET, backbone="resnet101"),
        PYTORCH,
        {
            "top1_error": 20.99,
            "top5_error": 5.56,
            "files": (
                PublishedFile(name="mpncovresnet101-ade9737a.pth", dialect="pytorch-legacy", md5="ade9737a"),
                PublishedFile(name="mpncovresnet101.mat", dialect="tensorflow"),
            ),
            "notes": "TensorFlow release 20.50/5.45, paper 21.21/5.68. That the .pth has the legacy order is likely, "
            "not established: its link was replaced together with that of ResNet-50.",
        },
    ),
    "vgg-d": (
        _VGG,
        PYTORCH,
        {
            "top1_error": 23.98,
            "top5_error": 7.12,
            "files": (PublishedFile(name="mpncov_vgg16bn_tf.h5", dialect="tensorflow"),),
            "notes": "VGG-16 with batch norm. Fine-tuned at 448 with one linear layer (hidden=()): CUB 87.0, Aircraft "
            "91.7, Cars 93.2 % correct (PyTorch README). The paper's 26.55/8.94 is the figure of eigenvalue MPN-COV.",
        },
    ),
    "resnet26": (
        replace(_RESNET, backbone="resnet26"),
        TENSORFLOW,
        {
            "files": (PublishedFile(name="mpncovresnet26.mat", dialect="tensorflow"),),
            "notes": "Named in the TensorFlow code; no figure and no link are published.",
        },
    ),
}


def _released() -> Iterator[tuple[str, Published]]:
    for name, (network, source, facts) in _RELEASED.items():
        yield name, _card(name, network, source, preprocessing=IMAGENET, **facts)


# The backbones of the three-part builder as their authors spell them -> ours. AlexNet and VGG lose their last
# max-pool; everything else is cut before its average, at its own resolution.
_LIKE_VGG = {f"vgg{depth}{norm}": f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")}
_OTHERS = {
    **{f"resnet{depth}": f"resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{f"densenet{depth}": f"densenet{depth}" for depth in (121, 161, 169, 201)},
    "inception-v3": "inception_v3",
}

# representation -> pool, width of the reduction, whether AlexNet and VGG keep their hidden layers. GAvP of VGG-D is
# listed with 4K numbers, hence with hidden layers; B-CNN and CBP are fine-tuned by one (two_stage_finetune.sh).
_REPRESENTATIONS: dict[str, tuple[str, int | None, bool]] = {
    "gavp": ("avg", None, True),
    "bcnn": ("bilinear", None, False),
    "cbp": ("cbp", None, False),
    "mpncov": ("isqrt", 256, True),
}


def _three_parts() -> Iterator[tuple[str, Published]]:
    for name, backbone in {"alexnet": "alexnet", **_LIKE_VGG, **_OTHERS}.items():
        for representation in _REPRESENTATIONS:
            full = f"{name.replace('_', '-')}-{representation}"
            yield full, _combination(full, backbone, representation)


def _combination(name: str, backbone: str, representation: str) -> Published:
    pool, width, deep = _REPRESENTATIONS[representation]
    is_vgg = backbone in _LIKE_VGG
    with_hidden = deep and (is_vgg or backbone == "alexnet")
    network = Named(
        backbone=backbone,
        pool=pool,
        reduce_to=width,
        last_stride=1 if is_vgg else None,
        hidden=VGG_HIDDEN if with_hidden else (),
        drop_rate=0.5 if with_hidden else 0.0,
        layout="NCHW",
        pruned=("pre_logits",) if is_vgg else (),
    )
    facts = _FROM_SCRATCH
    if representation in _FINE_TUNED:
        network, facts = replace(network, num_classes=200), {**_FINE_TUNED[representation], **_CUB.get(name, {})}
    return _card(name, network, PYTORCH, **facts)


# B-CNN and CBP have recipes for fine-tuning alone, on 200 birds at 448 pixels; a thousand classes would make a
# classifier of 4.2 billion weights of the 2048 channels of a ResNet-50.
_FROM_SCRATCH: dict[str, Any] = {"preprocessing": IMAGENET}
_ON_CUB: dict[str, Any] = {"input_size": 448, "preprocessing": CUB}
_FINE_TUNED = {"bcnn": _ON_CUB, "cbp": _ON_CUB}
_CUB: dict[str, dict[str, Any]] = {  # README of the PyTorch release
    "vgg16-bcnn": {"top1_error": 16.0, "notes": "On CUB-200. Aircraft 86.9, Cars 90.5 % correct."},
    "vgg16-cbp": {"top1_error": 16.2, "notes": "On CUB-200."},
}


def _cifar() -> Iterator[tuple[str, Published]]:
    for family, depths in (("cifar-resnet", DEPTHS), ("cifar-preact-resnet", PREACTIVATED_DEPTHS)):
        for depth in depths:
            name = f"{family}{depth}"
            network = Named(
                backbone=family.replace("-", "_"),
                pool="isqrt",
                reduce_to=128,
                num_classes=100,
                drop_rate=0.5,
                backbone_options={"depth": depth},
                layout="NCHW",
                pruned=(),
            )
            yield name, _card(name, network, TENSORFLOW, **_CIFAR_FACTS.get(name, _CIFAR_FACT))
            average = replace(network, pool="avg", reduce_to=None, drop_rate=0.0)
            name = f"{name}-gavp"
            yield name, _card(name, average, TENSORFLOW, **_CIFAR_FACTS.get(name, _CIFAR_FACT))


_CIFAR_FACT: dict[str, Any] = {"input_size": 32, "preprocessing": CIFAR100}
_CIFAR_FACTS = {
    "cifar-preact-resnet164": {**_CIFAR_FACT, "top1_error": 19.91, "notes": "On CIFAR-100; dropout 0.5."},
    "cifar-preact-resnet164-gavp": {**_CIFAR_FACT, "top1_error": 24.33, "notes": "On CIFAR-100."},
}

NETWORKS: dict[str, Published] = {
    f"fast_mpncov/{name}": card for part in (_released(), _three_parts(), _cifar()) for name, card in part
}
