"""What can be said of one picture: its size, its colours, its hashes, and what is odd about its file."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from covpool.data.decode import FORMATS, decode
from covpool.data.errors import CorruptImage
from covpool.data.images import ImageSet
from covpool.data.inspect.hashing import difference_hash, small_grey
from covpool.data.prepare.parallel import Tick

_ORIENTATION = 0x0112


class Chunk(NamedTuple):
    """A piece of the work: positions ``first`` to ``last`` (excluded) of a split."""

    split: str
    first: int
    last: int


class Measured(NamedTuple):
    """One picture; of one that cannot be read ``broken`` says why and the rest is empty."""

    broken: str
    width: int = 0
    height: int = 0
    file_size: int = 0
    format: str = ""
    remarks: tuple[str, ...] = ()
    digest: bytes = b""
    hash: int = 0
    grey: bytes = b""
    mean: tuple[float, ...] = ()
    square: tuple[float, ...] = ()


@dataclass
class Measuring:
    """Chunk -> a Measured for each of its pictures."""

    sets: Mapping[str, ImageSet]

    def __call__(self, chunk: Chunk, tick: Tick) -> list[Measured]:
        images = self.sets[chunk.split]
        found = []
        for position in range(chunk.first, chunk.last):
            found.append(measure(images, position))
            tick(1)
        return found


def measure(images: ImageSet, position: int) -> Measured:
    """Decode one picture and measure it."""
    try:
        content = images.content(position)
        image = decode(content, images.keys[position], images.place) if isinstance(content, bytes) else content
    except CorruptImage as error:
        return Measured(error.reason)
    kind, remarks = _file_facts(content) if isinstance(content, bytes) else ("pixels", ())
    values = np.asarray(image)
    flat = values.reshape(-1, 3) / np.float32(255)
    grey = small_grey(image)
    return Measured(
        "",
        *image.size,
        len(content) if isinstance(content, bytes) else values.nbytes,
        kind,
        (*remarks, *_size_remarks(*image.size)),
        hashlib.blake2b(values.tobytes() + str(image.size).encode(), digest_size=16).digest(),
        difference_hash(grey),
        grey.tobytes(),
        tuple(flat.mean(0, dtype=np.float64).tolist()),
        tuple(np.square(flat).mean(0, dtype=np.float64).tolist()),
    )


def _file_facts(content: bytes) -> tuple[str, tuple[str, ...]]:
    """The format, and what makes readers differ; decode() deals with all of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd EXIF: it was decoded without them
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            remarks = [
                (image.mode == "CMYK", "CMYK colours"),
                (image.mode in ("L", "1", "LA"), "grey"),
                (image.mode.startswith("I"), "16 bits a pixel"),
                (image.mode == "P", "a palette"),
                (image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info, "transparency"),
                (getattr(image, "n_frames", 1) > 1, "several frames (the first counts)"),
                (_orientation(image) not in (0, 1), "turned by EXIF"),
            ]
            return image.format or "unknown", tuple(text for holds, text in remarks if holds)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF beside sound pixels
        return 1


def _size_remarks(width: int, height: int) -> tuple[str, ...]:
    if min(width, height) < 8:
        return (f"tiny ({width} x {height})" if max(width, height) < 8 else "thinner than 8 pixels",)
    return ("longer than 5 times its width",) if max(width, height) > 5 * min(width, height) else ()
