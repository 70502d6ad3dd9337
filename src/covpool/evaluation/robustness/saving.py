"""Corrupted pictures as files in the layout of the released ImageNet-C."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from covpool.data import ImageSet
from covpool.data.corruptions import jpeg_bytes

_ENDINGS = {True: (".jpg", ".jpeg"), False: (".png",)}


@dataclass
class ReleasedLayout:
    """``root/<corruption>/<severity>/<class>/<file>``.

    A file keeps its name where its ending fits (ILSVRC2012_val_00000293.JPEG); else the right one is added. Names that
    come twice in a class are numbered.

    Args:
        jpeg: quality, 85 in the released set; 0 writes PNG.
    """

    root: Path
    images: ImageSet
    jpeg: int = 85
    _twice: set[tuple[int, str]] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        count = Counter(
            (int(label), _last(key)) for label, key in zip(self.images.labels, self.images.keys, strict=True)
        )
        self._twice = {pair for pair, times in count.items() if times > 1}

    def path(self, name: str, severity: int, index: int) -> Path:
        """Where the corrupted picture ``index`` belongs."""
        label, last = int(self.images.labels[index]), _last(self.images.keys[index])
        file = f"{index:06d}-{last}" if (label, last) in self._twice else last
        endings = _ENDINGS[self.jpeg > 0]
        if not file.lower().endswith(endings):
            file += endings[0]
        return self.root / name / str(severity) / _harmless(self.images.classes[label]) / file

    def write(self, pixels: np.ndarray, name: str, severity: int, index: int) -> np.ndarray:
        """Write one picture, whole or not at all; returns what reading it gives."""
        path = self.path(name, severity, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = jpeg_bytes(pixels, self.jpeg, optimize=True) if self.jpeg else _png(pixels)
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        beside.write_bytes(data)
        os.replace(beside, path)
        return np.asarray(Image.open(BytesIO(data)))


def _last(key: str) -> str:
    return _harmless(key.replace("\\", "/").rsplit("/", 1)[-1])


def _harmless(name: str) -> str:
    """A name that cannot leave its folder."""
    name = name.replace("/", "_").replace("\\", "_").replace("\0", "_")
    return f"_{name}" if name.startswith(".") or not name else name


def _png(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
