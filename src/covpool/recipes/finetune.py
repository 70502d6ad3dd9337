"""Recipes for one's own pictures: a pretrained backbone, a second-order head, a modern schedule."""

from dataclasses import replace

from covpool.recipes.choice import Choice
from covpool.recipes.schema import (
    LoaderSpec,
    NetworkSpec,
    OptimizerSpec,
    Recipe,
    ScheduleSpec,
    TransformSpec,
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
