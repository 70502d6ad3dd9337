"""Our mapped form (``formats.pixels``) as a source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import NumberedNames
from covpool.data.sources.packed.planes import PlanesReader
from covpool.formats.pixels import INFO, PixelInfo, open_labels, open_pixels, read_pixel_info


@dataclass(frozen=True)
class _Split:
    folder: str
    info: PixelInfo
    split: str

    def __call__(self, part: int) -> np.ndarray:
        return np.asarray(open_pixels(self.folder, self.info, self.split))


def is_mapped(path: Path) -> bool:
    """Whether a folder looks like one."""
    return (path / INFO).is_file() and any(path.glob("*.pixels.npy"))


def open_mapped(path: Path, cache: Path) -> ImageSource:
    """The splits of the folder; pictures stay on disk, and all processes share what the system has read.

    Raises:
        CorruptFile: damaged, or of another format.
    """
    info, folder = read_pixel_info(path), str(path.resolve())
    sets = {split: _image_set(path, folder, info, split) for split, count in info.counts.items() if count}
    if not sets:
        raise BadSource(str(path), [f"{str(path)!r} holds no pictures; prepare it again"])
    about = f"{path}, mapped pictures of {info.height} x {info.width}"
    return ImageSource(path.resolve().name, sets.get("train"), sets.get("val"), sets.get("test"), info.classes, about)


def _image_set(path: Path, folder: str, info: PixelInfo, split: str) -> ImageSet:
    labels = open_labels(folder, info, split)
    reader = PlanesReader(_Split(folder, info, split), [len(labels)])
    return ImageSet(info.classes, labels, NumberedNames(split, len(labels)), reader, str(path))
