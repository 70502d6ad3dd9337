"""How fast our sources load, beside torchvision's ImageFolder and PyTorch's DataLoader, on the same pictures.

Small pictures (64 px) are mirrored and normalised; large ones (500 px) are cropped at random to 224 px, mirrored and
normalised. All read the same content with the same number of workers, an epoch each in turn; ``times`` is torchvision's
seconds over ours, epoch by epoch.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from harness import options, paired_ratios, write
from picture_sets import jpegs, make_folder, make_pixels, make_shards
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from covpool.data import Preprocessing, open_images, train_loader, train_transform

MEAN, STD, BATCH = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 256
SIZES = {"64 px": (64, 64, 20_000), "500 px": (500, 224, 1_000)}  # stored, seen, pictures
WORKERS = (0, 2)
BARS = {"folder": 1.0, "shards": 1.3, "pixels": 20.0}


def main() -> None:
    """Time all rows and write results/data_loaders.json."""
    given = options(__doc__ or "")
    torch.set_num_threads(given.threads)
    sizes = {"64 px": (64, 64, 40), "500 px": (100, 32, 20)} if given.smoke else SIZES
    repeats, rows = (1 if given.smoke else min(given.repeats, 7)), []
    with tempfile.TemporaryDirectory() as place:
        for name, (stored, seen, count) in sizes.items():
            roots = make(Path(place) / name, stored, count)
            for workers in WORKERS[:1] if given.smoke else WORKERS:
                rows += [
                    {"pictures": name, "workers": workers, **row} for row in compare(roots, seen, workers, repeats)
                ]
                print(*rows, sep="\n")
    if not given.smoke:
        print(write("data_loaders", rows, batch=BATCH, repeats=repeats, threads=given.threads, bars=BARS))


def make(place: Path, side: int, count: int) -> dict[str, Path]:
    """The same content in each form; what is mapped are the decoded JPEGs."""
    files = jpegs(side, min(count, 500))
    roots = {
        "folder": make_folder(place / "folder", count, files),
        "shards": make_shards(place / "shards", count, files),
    }
    if side == 64:
        decoded = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
        roots["pixels"] = make_pixels(place / "pixels", count, decoded)
    return roots


def compare(roots: dict[str, Path], seen: int, workers: int, repeats: int) -> list[dict[str, Any]]:
    """A row for torchvision and one for each of our forms."""
    epochs = {"torchvision": theirs(roots["folder"], seen, workers)}
    epochs |= {form: ours(root, seen, workers) for form, root in roots.items()}
    if seen > 64:  # not the pixels of any protocol: half the size, where that leaves more than is seen
        epochs["shards, draft"] = ours(roots["shards"], seen, workers, draft=seen)
    times: dict[str, list[float]] = {form: [] for form in epochs}
    for number in range(repeats + 1):
        for form, epoch in epochs.items():
            start = perf_counter()
            count = epoch(number)
            if number:  # the first starts workers and fills the page cache
                times[form].append((perf_counter() - start) / count)
    if repeats == 1:
        times = {form: values * 2 for form, values in times.items()}
    return [{"form": form, **row} for form, row in paired_ratios(times, "torchvision").items()]


def theirs(root: Path, seen: int, workers: int) -> Callable[[int], int]:
    """An epoch of torchvision: seconds are taken outside."""
    geometry = [] if seen == 64 else [transforms.RandomResizedCrop(seen, interpolation=Image.Resampling.BICUBIC)]
    steps = [*geometry, transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    images = datasets.ImageFolder(root, transforms.Compose(steps))
    loader = DataLoader(images, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    return lambda epoch: sum(len(labels) for _, labels in loader)


def ours(root: Path, seen: int, workers: int, draft: int | None = None) -> Callable[[int], int]:
    """The same of ours."""
    p = Preprocessing(seen, MEAN, STD, crop_pct=1.0)
    transform = train_transform(p, "flip" if seen == 64 else "crop")
    loader = train_loader(open_images(root, val_fraction=0).train, transform, batch_size=BATCH, seed=0, workers=workers)
    return lambda epoch: sum(len(batch.labels) for batch in loader.epoch(epoch))


if __name__ == "__main__":
    main()
