"""A tiny set of pictures in memory, a recipe that uses everything random at once, and all that a run leaves."""

from functools import partial

import numpy as np
import torch
from PIL import Image

from covpool.data import ImageSet, ImageSource
from covpool.recipes import (
    Choice,
    LoaderSpec,
    NetworkSpec,
    OptimizerSpec,
    Recipe,
    ScheduleSpec,
    TransformSpec,
)
from covpool.training import read_journal
from covpool.training.run import load_checkpoint

TIMES = ("seconds", "images_per_second", "journal_bytes")
CLASSES = ["round", "striped", "plain"]


def picture_set(count, seed, place):
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    pixels = generator.integers(0, 256, (count, 12, 12, 3), dtype=np.uint8) // 2
    pixels += (labels * 40).astype(np.uint8)[:, None, None, None]
    keys = [f"{place}/{i}.png" for i in range(count)]
    return ImageSet(CLASSES, labels, keys, partial(picture, pixels), place)


def picture(pixels, position):
    return Image.fromarray(pixels[position])


def tiny_pictures():
    train, val = picture_set(44, 1, "train"), picture_set(18, 2, "val")
    return ImageSource("shapes", train, val, None, CLASSES, "shapes in memory")


def tiny_recipe():
    """Eleven batches of 4 an epoch in groups of 3: three full steps and one of two batches."""
    return Recipe(
        name="test",
        network=NetworkSpec(backbone="conv4", pool=Choice("isqrt", reduce_to=8), drop_rate=0.3),
        transform=TransformSpec(image_size=12, augment=Choice("shift", flip=0.5)),
        loader=LoaderSpec(batch_size=4, workers=0),
        optimizer=OptimizerSpec(lr=1e-2, accumulate=3, clip_grad_norm=1.0, classifier_lr_multiplier=2.0),
        schedule=ScheduleSpec(epochs=2, warmup_epochs=0.5, head_epochs=1),
        loss=Choice("cross-entropy", smoothing=0.1),
        ema=0.9,
    )


def plain(value):
    """A checkpoint without what a clock decides, tensors as bytes."""
    if isinstance(value, torch.Tensor):
        return (str(value.dtype), tuple(value.shape), value.contiguous().flatten().view(torch.uint8).tolist())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in TIMES}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def records_of(run):
    kinds = ("step", "evaluation", "epoch")
    journal = [plain(e) for e in read_journal(run / "journal.jsonl") if e["event"] in kinds]
    return {"last": plain(load_checkpoint(run / "last.pt")), "journal": journal}
