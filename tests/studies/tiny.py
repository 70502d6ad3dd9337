"""Small things that several tests of the studies need: pictures in memory, a recipe of seconds."""

from __future__ import annotations

import numpy as np
from PIL import Image

from covpool.data import ImageSet, ImageSource
from covpool.recipes import LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, ScheduleSpec, TransformSpec

CLASSES = ["calm", "mixed", "striped"]


def pictures(count: int, seed: int, size: int = 12, place: str = "") -> ImageSet:
    """Three kinds of noise with the same mean: only second-order statistics tell them apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    arrays = []
    for label in labels:
        noise = rng.normal(0, (10, 40, 40)[label], (size, size, 3))
        if label == 2:
            noise[:, :, 1] = noise[:, :, 0]
        arrays.append(np.clip(128 + noise, 0, 255).astype(np.uint8))
    keys = [f"{seed}/{index}" for index in range(count)]
    return ImageSet(CLASSES, labels, keys, lambda index: Image.fromarray(arrays[index]), place)


def source(train: int = 60, val: int = 30) -> ImageSource:
    """A source with both sets."""
    return ImageSource("noise", pictures(train, 0), pictures(val, 1), None, CLASSES, "three kinds of noise")


def recipe() -> Recipe:
    """Two epochs of a narrow conv4."""
    return Recipe(
        name="tiny",
        network=NetworkSpec(backbone="conv4", pool="isqrt(reduce_to=6)"),
        transform=TransformSpec(image_size=12, augment="none"),
        loader=LoaderSpec(batch_size=16, workers=0),
        optimizer=OptimizerSpec(lr=3e-3, weight_decay=0.01),
        schedule=ScheduleSpec(epochs=2),
    )
