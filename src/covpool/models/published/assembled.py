"""The networks of Assemble-ResNet (Lee et al. 2020), released as clovaai/assembled-cnn: each tweak alone, and together.

Names follow one rule. ``resnet50`` is the vanilla network; ``bl-`` makes it a Big-Little one; a suffix adds a tweak:
``-d`` (ResNet-D), ``-se``, ``-sk``, ``-aa-sconv3`` (anti-alias: where, and pixels of the filter), ``-nods`` (no
downsampling in the last stage), ``-gem``, ``-flatten`` (instead of the average), ``-emb128`` (embedding).
``assemble-`` is Big-Little with selective kernels and ``-aa-sconv3``, as the release assembles them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covpool.models.named import Named
from covpool.models.published.assembled_sizes import SIZES
from covpool.models.published.card import Published, PublishedFile

_SOURCE = "Lee et al. 2020 (arXiv 2001.06268), https://github.com/clovaai/assembled-cnn"
_MEANS = (123.68, 116.78, 103.94)  # preprocessing/imagenet_preprocessing.py: taken away; nothing is divided
_PREPROCESSING = {
    "mean": tuple(mean / 255 for mean in _MEANS),
    "std": (1 / 255, 1 / 255, 1 / 255),
    "crop_pct": 0.875,
    "interpolation": "bilinear",
}
_FILES = (PublishedFile(name="model.ckpt-*", dialect="tensorflow"),)
_PLAIN = "A combination that the code has and of which no weights and no error are published."
_ABLATION = "Its weights are not released. "
_RESIZE = "TensorFlow 1 resizes from the corner of a pixel, without anti-aliasing; torch and Pillow do not."
_NOTES: Mapping[str, str] = {
    "resnet50": "Error: README, stepwise learning rate; 23.13 with a cosine (ablation E0). " + _RESIZE,
    "resnet50-d": _ABLATION + "Error: ablation E1, 120 epochs, no regularisation.",
    "resnet50-se": _ABLATION + "Error: 120 epochs, stepwise learning rate, no regularisation (paper v1).",
    "resnet50-sk": _ABLATION + "Error: 120 epochs, stepwise learning rate, no regularisation (paper v1).",
    "resnet50-se-sk": _ABLATION + "Error: 120 epochs, stepwise learning rate, no regularisation (paper v1).",
    "resnet50-aa-sconv3": _ABLATION + "Error: 120 epochs, stepwise learning rate, no regularisation (paper v1).",
    "resnet50-d-se": _ABLATION + "Error: ablation E4, with label smoothing and mixup, 200 epochs.",
    "resnet50-d-sk": _ABLATION + "Error: tweaks only (paper v1); 17.90 with every regularisation, 600 epochs (E8).",
    "bl-resnet50-sk": _ABLATION + "Error: tweaks only (paper v1); 17.56 with every regularisation, 600 epochs (E9).",
    "assemble-resnet50": "Error: ablation E11, 600 epochs, judged at 256 of 292 pixels. " + _RESIZE,
    "assemble-resnet152": "Error: README, taught by EfficientNet-B7, judged at 256 of 257 pixels. " + _RESIZE,
}
_TOP1 = {  # README and ablation table; without regularisation where the paper has that
    "resnet50": 23.7,
    "resnet50-d": 22.63,
    "resnet50-se": 22.60,
    "resnet50-sk": 22.08,
    "resnet50-se-sk": 22.50,
    "resnet50-aa-sconv3": 23.33,
    "resnet50-d-se": 20.29,
    "resnet50-d-sk": 21.17,
    "bl-resnet50-sk": 20.73,
    "assemble-resnet50": 17.22,
    "assemble-resnet152": 15.81,
}
_RELEASED = ("resnet50", "assemble-resnet50", "assemble-resnet152")
_AT_256 = ("bl-resnet50-sk", "assemble-resnet50", "assemble-resnet152")
_ALPHA_BETA = {50: (2, 4), 101: (2, 4), 152: (1, 2)}

_TWEAKS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "-d": {"resnet_d": True},
    "-se": {"se": True},
    "-sk": {"sk": True},
    "-se-sk": {"se": True, "sk": True},
    "-d-se": {"resnet_d": True, "se": True},
    "-d-sk": {"resnet_d": True, "sk": True},
}
_PLACES = {"sconv": ("sconv",), "proj": ("proj",), "sconv-proj": ("sconv", "proj")}


def _named(options: Mapping[str, Any], pool: str = "avg", embedding: int | None = None, **pool_options: Any) -> Named:
    return Named(
        backbone="assembled_resnet",
        pool=pool,
        reduce_to=None,
        num_classes=1001,
        embedding=embedding,
        pool_options=pool_options,
        backbone_options=options,
        layout="NCHW",
        pruned=(),
    )


def _anti_alias(places: str, size: int) -> dict[str, Any]:
    return {"anti_alias": _PLACES[places], "blur_size": size}


def _assembled(depth: int, **more: Any) -> dict[str, Any]:
    return {"depth": depth, "sk": True, "big_little": _ALPHA_BETA[depth], **_anti_alias("sconv", 3), **more}


_NAMED: Mapping[str, Named] = {
    **{
        f"resnet{depth}{suffix}": _named({"depth": depth, **tweaks})
        for depth in (50, 101, 152, 200)
        for suffix, tweaks in _TWEAKS.items()
    },
    **{
        f"resnet50-aa-{places}{size}": _named({"depth": 50, **_anti_alias(places, size)})
        for places in _PLACES
        for size in range(2, 8)
    },
    "resnet50-nods": _named({"depth": 50, "no_downsample": True}),
    "resnet50-gem": _named({"depth": 50}, "gem-fixed"),
    "resnet50-flatten": _named({"depth": 50}, "flatten", positions=49),
    "resnet50-emb128": _named({"depth": 50}, embedding=128),
    **{
        f"bl-resnet{depth}{suffix}": _named({"depth": depth, "big_little": alpha_beta, **tweaks})
        for depth, alpha_beta in _ALPHA_BETA.items()
        for suffix, tweaks in _TWEAKS.items()
    },
    **{f"assemble-resnet{depth}": _named(_assembled(depth)) for depth in _ALPHA_BETA},
    "assemble-resnet50-d": _named(_assembled(50, resnet_d=True)),
    "assemble-resnet50-nods-gem-emb128": _named(_assembled(50, no_downsample=True), "gem-fixed", 128),
}


def _published(name: str, network: Named) -> Published:
    size = 256 if name in _AT_256 else 224
    tight = name == "assemble-resnet152"
    crop = {"crop_pct": 256 / 257} if tight else {}
    protocol = {224: "assembled-imagenet", 256: f"assembled-imagenet_224_256{'a' * tight}"}[size]
    parameters, flops = SIZES[name]
    return Published(
        network=network,
        source=_SOURCE,
        parameters=parameters,
        flops=flops,
        top1_error=_TOP1.get(name),
        input_size=size,
        preprocessing={**_PREPROCESSING, **crop, "protocol": protocol},
        files=_FILES if name in _RELEASED else (),
        notes=_NOTES.get(name, _PLAIN),
    )


NETWORKS: Mapping[str, Published] = {f"assembled/{name}": _published(name, network) for name, network in _NAMED.items()}
