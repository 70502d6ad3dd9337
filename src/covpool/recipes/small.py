"""Recipes that train in seconds to minutes on a CPU: demonstrations, first tries, tests."""

from covpool.recipes.choice import Choice
from covpool.recipes.schema import (
    LoaderSpec,
    NetworkSpec,
    OptimizerSpec,
    Recipe,
    ScheduleSpec,
    TransformSpec,
)


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
