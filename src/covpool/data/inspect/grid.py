"""What a network sees: pictures of a set after their transform, as one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from covpool.data.errors import CorruptImage
from covpool.data.images import ImageSet
from covpool.data.order import private_random_numbers, seed_sample
from covpool.data.transforms import ImageTransform
from covpool.data.transforms.evaluation import is_bgr

_GAP = 4
_PAPER = (255, 255, 255)


def picture_grid(
    images: ImageSet, transform: ImageTransform, indices: Sequence[int], *, draws: int = 1, seed: int = 0
) -> Image.Image:
    """A sheet with a row for each picture: as it is stored, then as ``transform`` gives it in epochs 0, 1, ...

    The columns are the very pictures of a training with that seed: mean and std are applied and taken back.

    Args:
        images: the set.
        transform: of training or evaluation.
        indices: which pictures.
        draws: columns of transformed pictures; one is enough where nothing is random.
        seed: of the training.
    """
    rows = [
        [_fitted(image, transform), *_views(image, transform, index, draws, seed)]
        for index in indices
        if (image := _readable(images, index)) is not None
    ]
    if not rows:
        raise ValueError("needed a picture that can be read; all that were chosen are broken")
    width, height = (max(cell.size[axis] for row in rows for cell in row) for axis in (0, 1))
    columns = max(map(len, rows))
    sheet = Image.new("RGB", (columns * (width + _GAP) + 2 * _GAP, len(rows) * (height + _GAP) + _GAP), _PAPER)
    for down, row in enumerate(rows):
        for across, cell in enumerate(row):
            left = _GAP + across * (width + _GAP) + (_GAP if across else 0)  # the stored pictures stand apart
            top = _GAP + down * (height + _GAP)
            sheet.paste(cell, (left + (width - cell.width) // 2, top + (height - cell.height) // 2))
    return sheet


def _readable(images: ImageSet, index: int) -> Image.Image | None:
    try:
        return images.read(index)
    except CorruptImage:
        return None


def _views(image: Image.Image, transform: ImageTransform, index: int, draws: int, seed: int) -> list[Image.Image]:
    found = []
    for epoch in range(draws):
        with private_random_numbers():
            seed_sample(seed, epoch, index)
            seen = transform(image)
        found += [_as_picture(view, transform) for view in (seen if seen.ndim == 4 else seen[None])]
    return found


def _as_picture(seen: torch.Tensor, transform: ImageTransform) -> Image.Image:
    """The network's numbers with mean and std taken back."""
    values = transform.preprocessing
    mean, std = (torch.tensor(numbers).view(3, 1, 1) for numbers in (values.mean, values.std))
    pixels = ((seen.double() * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
    pixels = pixels.flip(0) if is_bgr(values) else pixels
    return Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))


def _fitted(image: Image.Image, transform: ImageTransform) -> Image.Image:
    """The whole stored picture inside a square of the network's size."""
    side = transform.preprocessing.image_size
    ratio = side / max(image.size)
    width, height = (max(1, round(length * ratio)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def spread_indices(labels: np.ndarray, count: int, seed: int = 0) -> list[int]:
    """``count`` positions, drawn class by class in turn so that few pictures show many classes.

    Example:
        >>> sorted(np.array([0, 0, 0, 1, 2])[spread_indices(np.array([0, 0, 0, 1, 2]), 3)].tolist())
        [0, 1, 2]
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    turn = np.zeros(len(labels), np.int64)
    seen: dict[int, int] = {}
    for place in order.tolist():
        label = int(labels[place])
        turn[place] = seen[label] = seen.get(label, -1) + 1
    ranked = order[np.argsort(turn[order], kind="stable")]
    return ranked[:count].tolist()
