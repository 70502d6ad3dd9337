"""``fake``: seeded noise of any size and number of classes, for dry runs and measurements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import NumberedNames
from covpool.registry import nearest

_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Fake:
    """What to draw; the defaults are the dry-run set of GM-SOP (imdb.mat: ten pictures of 64 px), made larger.

    Args:
        classes: labels go round from 0 to classes - 1.
        size: side in pixels.
        train, val, test: pictures a split; 0 leaves it out.
        seed: decides every pixel, together with split and position.
    """

    classes: int = 10
    size: int = 64
    train: int = 200
    val: int = 100
    test: int = 0
    seed: int = 0


@dataclass(frozen=True)
class NoiseReader:
    """position -> a picture of uniform noise 0..255, drawn when asked for."""

    seed: tuple[int, int]
    size: int

    def __call__(self, position: int) -> Image.Image:
        return Image.fromarray(np.ascontiguousarray(self._drawn(position).transpose(1, 2, 0)))

    def planes(self, positions: np.ndarray) -> np.ndarray:
        """uint8 (n, 3, size, size)."""
        return np.stack([self._drawn(position) for position in positions.tolist()])

    def _drawn(self, position: int) -> np.ndarray:
        rng = np.random.default_rng((*self.seed, position))
        return rng.integers(0, 256, (3, self.size, self.size), dtype=np.uint8)


def open_fake(options: str = "") -> ImageSource:
    """The set that ``fake:classes=1000,size=64,train=256`` asks for; options that are absent keep their defaults.

    Raises:
        BadSource: an unknown option, or a value that is no whole number.

    Example:
        >>> open_fake("classes=3,size=8,train=6").train.read(5).size
        (8, 8)
    """
    fake = _read(options)
    names = [f"class{label:0{len(str(fake.classes - 1))}d}" for label in range(fake.classes)]
    sets = {}
    for number, split in enumerate(_SPLITS):
        count = getattr(fake, split)
        reader, labels = NoiseReader((fake.seed, number), fake.size), np.arange(count) % fake.classes
        sets[split] = ImageSet(names, labels, NumberedNames(f"fake/{split}", count), reader, "fake") if count else None
    description = f"seeded noise, {fake.size} px"
    return ImageSource("fake", sets["train"], sets["val"], sets["test"], names, description)


def open_default_fake(cache: Path, download: bool) -> ImageSource:
    """The set of that name in ``named_sets``."""
    return open_fake()


def _read(options: str) -> Fake:
    source, mistakes, values = f"fake:{options}", [], {}
    known = list(Fake.__dataclass_fields__)
    for part in filter(None, options.split(",")):
        name, _, value = (piece.strip() for piece in part.partition("="))
        near = nearest(name, known)
        if name not in known:
            hint = f"; did you mean {near!r}?" if near else ""
            mistakes.append(f"'fake' has no option {name!r}{hint} ({', '.join(known)})")
        elif not value.isdecimal():
            mistakes.append(f"option {name!r} of 'fake' needs a whole number; got {value!r}")
        else:
            values[name] = int(value)
    for name, least in (("classes", 2), ("size", 1)):
        if values.get(name, least) < least:
            mistakes.append(f"option {name!r} of 'fake' needs to be at least {least}; got {values[name]}")
    if mistakes:
        raise BadSource(source, mistakes)
    return Fake(**values)
