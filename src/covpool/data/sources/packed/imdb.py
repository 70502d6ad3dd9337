"""MatConvNet's image database in a ``.mat`` of version 7.3, as GM-SOP publishes downsampled ImageNet.

``images.data`` is uint8, H x W x 3 x N in MATLAB's order, ``images.labels`` counts from 1, ``images.set`` says
1 train, 2 val, 3 test. All of it may be wrapped in a variable ``imdb``.
Source: cnn_imagenet64.m of GM-SOP and its examples/GM/imdb.mat.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import NumberedNames
from covpool.data.sources.packed.planes import PlanesReader
from covpool.formats import CorruptFile
from covpool.formats.hdf5 import Dataset, Group, open_hdf5
from covpool.formats.hdf5.rows import Rows

_SPLITS = {1: "train", 2: "val", 3: "test"}
_MOST_LABELS = 1 << 20


def is_imdb(path: Path) -> bool:
    """Whether a file is called as one."""
    return path.is_file() and path.suffix.lower() == ".mat"


@dataclass(frozen=True)
class _Pictures:
    """Part 0: something that is indexed by positions like an array (n, 3, H, W)."""

    path: str

    def __call__(self, part: int) -> np.ndarray:
        return _Indexed(_images(self.path))  # type: ignore[return-value]


class _Indexed:
    def __init__(self, images: dict[str, Dataset]) -> None:
        self.rows = Rows(images["data"])
        self.shape = (self.rows.shape[0], 3, *self.rows.shape[:1:-1])

    def __getitem__(self, positions: np.ndarray) -> np.ndarray:
        out = np.empty((len(positions), *self.shape[1:]), np.uint8)
        for place, position in enumerate(positions.tolist()):
            out[place] = self.rows[position].transpose(0, 2, 1)  # stored (3, W, H): MATLAB counts H fastest
        return out


def open_imdb(path: Path, cache: Path) -> ImageSource:
    """The splits of the file; pictures are unpacked when they are read.

    Raises:
        CorruptFile: damaged, of another version, or without such an ``images``.
    """
    images = _images(str(path))
    count = images["data"].shape[0]
    labels, codes = (_numbers(str(path), images[name], name, count) for name in ("labels", "set"))
    if count and not 1 <= labels.min() <= labels.max() <= _MOST_LABELS:
        raise CorruptFile(str(path), f"its labels run from {labels.min()} to {labels.max()}; they count from 1")
    if not set(np.unique(codes).tolist()) <= set(_SPLITS):
        raise CorruptFile(str(path), "images.set has values other than 1, 2 and 3; it is damaged")
    classes = [str(label) for label in range(1, int(labels.max(initial=0)) + 1)]
    reader = PlanesReader(_Pictures(str(path.resolve())), [count])
    whole = ImageSet(classes, labels - 1, NumberedNames("image", count), reader, str(path))
    sets = {
        name: whole.subset(np.flatnonzero(codes == code)) for code, name in _SPLITS.items() if (codes == code).any()
    }
    if not sets:
        raise BadSource(str(path), [f"{str(path)!r} holds no pictures"])
    height, width = images["data"].shape[:1:-1]
    about = f"{path}, image database of {height} x {width}"
    return ImageSource(path.stem, sets.get("train"), sets.get("val"), sets.get("test"), classes, about)


def _images(path: str) -> dict[str, Dataset]:
    root = open_hdf5(path)
    for name in ("images", "imdb/images"):
        group = root.get(name)
        if isinstance(group, Group):
            found = {part: group.get(part) for part in ("data", "labels", "set")}
            return {part: _dataset(path, part, value) for part, value in found.items()}
    raise CorruptFile(path, "it has no variable 'images' (or 'imdb.images'); it is no image database")


def _dataset(path: str, name: str, found: Group | Dataset | None) -> Dataset:
    if not isinstance(found, Dataset) or found.type.kind != "number":
        raise CorruptFile(path, f"images.{name} is missing or no array of numbers")
    if name == "data" and (found.type.dtype != np.uint8 or len(found.shape) != 4 or found.shape[1] != 3):
        what = f"{found.type.dtype} of {' x '.join(map(str, found.shape[::-1]))}"
        raise CorruptFile(path, f"images.data is {what} where uint8 of H x W x 3 x N was needed")
    return found


def _numbers(path: str, dataset: Dataset, name: str, count: int) -> np.ndarray:
    """A row of whole numbers, one a picture."""
    values = dataset.reader()().ravel()
    if len(values) != count or not np.isfinite(values).all() or (values != np.floor(values)).any():
        raise CorruptFile(path, f"images.{name} has {len(values)} numbers, not {count} whole ones, one a picture")
    if len(values) and np.abs(values).max() > _MOST_LABELS:
        raise CorruptFile(path, f"images.{name} has numbers beyond {_MOST_LABELS}; it is damaged")
    return values.astype(np.int64)
