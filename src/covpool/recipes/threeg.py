"""Recipes of 3G-Net: Wang et al., CVPR 2019, released as csqlwang/3G-Net."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec


def resnet50() -> Recipe:
    """ResNet-50 with three learned re-weightings and the root of the covariance, on ImageNet from scratch.

    Values: batch 256, 115 epochs, lr 0.1 divided by 10 every 30 epochs (Train-ImageNet.py:314), SGD with momentum
    0.9 and no Nesterov term, weight decay 1e-4 on everything, cross-entropy without smoothing, no warm-up.
    Random resized crop of 224, flip; evaluation on the centre 224 of 256. No dropout: the first upload had 0.2
    before the classifier, removed on the same day.
    Script: train.sh gives the epochs, batch and workers; the paper's own settings could not be read.
    Hardware: not established. Published: top-1/top-5 error 21.34/5.70, one crop (README). Reproduced here: not
    established.
    """
    return Recipe(
        name="threeg/resnet50",
        network=NetworkSpec(backbone="threeg/resnet50", pool=Choice("threeg")),
        transform=TransformSpec(image_size=224, augment=Choice("threeg-imagenet")),
        loader=LoaderSpec(batch_size=256, workers=16),
        optimizer=OptimizerSpec(name="momentum", lr=0.1, weight_decay=1e-4, momentum=0.9, decay_norm_and_bias=True),
        schedule=ScheduleSpec(kind="step", epochs=115, milestones=(30, 60, 90), each="epoch"),
        source="3G-Net, Train-ImageNet.py and scripts of ImageNet; Wang et al., CVPR 2019",
    )


def resnet101() -> Recipe:
    """ResNet-101 with 3G pooling on ImageNet from scratch.

    Values: as threeg/resnet50. Hardware: not established.
    Published: top-1/top-5 error 20.40/5.21, one crop (README). Reproduced here: not established.
    """
    network = NetworkSpec(backbone="threeg/resnet101", pool=Choice("threeg"))
    return replace(resnet50(), name="threeg/resnet101", network=network)


def resnet50_places365() -> Recipe:
    """ResNet-50 with 3G pooling on Places365 from scratch.

    Values: batch 256, 55 epochs, lr 0.1 for 31 epochs (the test is epoch > 30), divided by 10 at epochs 31, 41, 46
    and 51 (Train-Places365.py:314); the rest as threeg/resnet50.
    Script: judged on ten crops of 224, the mean of their logits (the protocol threeg-places365-10crop); each epoch
    of the training on one.
    Hardware: not established. Published: top-1/top-5 error 43.07/13.44, ten crops (README). Reproduced here: not
    established.
    """
    return replace(
        resnet50(),
        name="threeg/resnet50-places365",
        network=NetworkSpec(backbone="threeg/resnet50-places365", pool=Choice("threeg")),
        transform=TransformSpec(image_size=224, augment=Choice("threeg-places365")),
        schedule=ScheduleSpec(kind="step", epochs=55, milestones=(31, 41, 46, 51), each="epoch"),
        source="3G-Net, Train-Places365.py and scripts of Places365; Wang et al., CVPR 2019",
    )


def resnet101_places365() -> Recipe:
    """ResNet-101 with 3G pooling on Places365 from scratch.

    Values: as threeg/resnet50-places365. Hardware: not established.
    Published: top-1/top-5 error 42.82/13.00, ten crops (README). Reproduced here: not established.
    """
    network = NetworkSpec(backbone="threeg/resnet101-places365", pool=Choice("threeg"))
    return replace(resnet50_places365(), name="threeg/resnet101-places365", network=network)


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "threeg/resnet50": resnet50,
    "threeg/resnet101": resnet101,
    "threeg/resnet50-places365": resnet50_places365,
    "threeg/resnet101-places365": resnet101_places365,
}
