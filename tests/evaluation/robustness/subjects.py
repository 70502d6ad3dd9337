"""A network that is quick, sees colours and places, and is wrong more often on corrupted pictures."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import nn

from covpool.data import ImageSet, Preprocessing
from covpool.evaluation.robustness import Subject

SIDE = 16
CLASSES = ["cat", "dog", "owl"]
PREPROCESSING = Preprocessing(SIDE, crop_pct=1.0, interpolation="bilinear")


class Coarse(nn.Module):
    """A linear layer on an average-pooled picture, drawn from a seed."""

    def __init__(self, outputs: int = 3) -> None:
        super().__init__()
        self.pool, self.linear = nn.AdaptiveAvgPool2d(4), nn.Linear(48, outputs)
        with torch.no_grad():
            self.linear.weight.copy_(torch.randn(outputs, 48, generator=torch.Generator().manual_seed(0)))
            self.linear.bias.zero_()

    def forward(self, x):
        return self.linear(self.pool(x).flatten(1))


def subject(**options) -> Subject:
    """The network, judging by threes."""
    return Subject(Coarse(), PREPROCESSING, CLASSES, device="cpu", **{"batch_size": 3, **options})


def picture(seed: int) -> Image.Image:
    rng = np.random.RandomState(seed)
    small = Image.fromarray(rng.randint(0, 256, (5, 5, 3)).astype(np.uint8))
    return small.resize((20 + seed % 3, 18), Image.Resampling.BICUBIC)


class Reader:
    """Encoded pictures; counts how often each is read."""

    def __init__(self, count: int, broken: tuple[int, ...] = ()) -> None:
        self.files = [b"no picture" if i in broken else _png(picture(i)) for i in range(count)]
        self.read = [0] * count

    def __call__(self, position: int) -> bytes:
        self.read[position] += 1
        return self.files[position]


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def images(count: int = 10, broken: tuple[int, ...] = ()) -> ImageSet:
    """Pictures whose label is what the network says of them, but for every fourth."""
    reader = Reader(count, broken)
    keys = [f"val/{CLASSES[i % 3]}/{i}.png" for i in range(count)]
    found = ImageSet(CLASSES, [0] * count, keys, reader)
    judge = subject()
    for i in set(range(count)) - set(broken):
        square = np.asarray(judge.geometry(picture(i)))
        found.labels[i] = (int(judge.logits(torch.from_numpy(square.copy()[None])).argmax()) + (i % 4 == 3)) % 3
    return found
