"""Recipes of no paper: first tries and one's own pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec


def conv4() -> Recipe:
    """Four convolutions on small pictures from scratch: the network and the training of the demonstration.

    Values: 24-48-64-96 channels, reduction to 32, so that 528 numbers reach the classifier; AdamW 3e-3, batch
    50, 10 epochs; warm-up of three epochs and cosine, as in a one-cycle schedule; channels last, which a CPU trains
    faster. They were not tuned for either pool.
    Hardware: tens of seconds on a CPU with 1,000 pictures of 28 by 28.
    Published: none. Measured: docs/results.md, where a record of the demonstration is kept.
    """
    return Recipe(
        name="small/conv4",
        data="mnist5k",
        network=NetworkSpec(backbone="conv4", pool=Choice("isqrt", reduce_to=32)),
        transform=TransformSpec(image_size=28, augment=Choice("none")),
        loader=LoaderSpec(batch_size=50, workers=0),
        optimizer=OptimizerSpec(name="adamw", lr=3e-3, weight_decay=0.01),
        schedule=ScheduleSpec(kind="cosine", epochs=10, warmup_epochs=3.0),
        channels_last=True,
        source="covpool: the small network of the demonstration",
    )


def digits() -> Recipe:
    """The same network on the 8 by 8 digits that come with scikit-learn: a few seconds, a smoke test.

    Values: as conv4, on the pictures at their own size of 8, 5 epochs.
    Published: none. All pools tie on these pictures; they show that a run works, not which pool is better.
    """
    return Recipe(
        name="small/digits",
        data="digits",
        network=NetworkSpec(backbone="conv4", pool=Choice("isqrt", reduce_to=32)),
        transform=TransformSpec(image_size=8, augment=Choice("none")),
        loader=LoaderSpec(batch_size=50, workers=0),
        optimizer=OptimizerSpec(name="adamw", lr=3e-3, weight_decay=0.01),
        schedule=ScheduleSpec(kind="cosine", epochs=5, warmup_epochs=1.0),
        source="covpool: smoke test",
    )


def modern() -> Recipe:
    """A pretrained backbone on a few hundred to a few ten thousand of one's own pictures.

    Values: two stages, the head alone for one epoch, then all, so that the random head does not disturb the
    backbone; the classifier's lr 5 times the rest's (Li et al. fine-tune with that ratio); stride 1 in the last
    stage, so that 14 by 14 positions instead of 7 by 7 estimate the covariance. AdamW 2e-4 with decay 0.05,
    smoothing 0.1, crops of 0.35 to 1 of the picture, gradient norm up to 1, a running average of the weights:
    common practice, not tuned on any one set.
    Hardware: any; on a CPU take a small backbone such as tf_efficientnet_lite0.
    Published: none. Reproduced here: not established.
    """
    return Recipe(
        name="finetune/modern",
        network=NetworkSpec(backbone="resnet50", pool=Choice("isqrt"), pretrained=True, reduce_to=256, last_stride=1),
        transform=TransformSpec(augment=Choice("crop", scale=(0.35, 1.0))),
        loader=LoaderSpec(batch_size=32, workers=4),
        optimizer=OptimizerSpec(
            name="adamw", lr=2e-4, weight_decay=0.05, classifier_lr_multiplier=5.0, clip_grad_norm=1.0
        ),
        schedule=ScheduleSpec(kind="cosine", epochs=20, warmup_epochs=1.0, head_epochs=1),
        loss=Choice("cross-entropy", smoothing=0.1),
        ema=0.998,
        channels_last=True,
        source="covpool: common practice, classifier lr x5 after Li et al., CVPR 2018",
    )


def head() -> Recipe:
    """Only the head learns, on a frozen pretrained backbone: the cheapest fine-tuning.

    Values: the backbone keeps its weights and its normalisation statistics; AdamW 1e-3, 20 epochs, cosine.
    The last stage keeps its stride: frozen weights expect it.
    Published: none. Reproduced here: not established.
    """
    recipe = modern()
    return replace(
        recipe,
        name="finetune/head",
        network=replace(recipe.network, last_stride=None),
        optimizer=OptimizerSpec(name="adamw", lr=1e-3, weight_decay=0.05),
        schedule=ScheduleSpec(kind="cosine", epochs=20, warmup_epochs=1.0, freeze_backbone=True),
        source="covpool: common practice",
    )


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "finetune/modern": modern,
    "finetune/head": head,
    "small/conv4": conv4,
    "small/digits": digits,
}
