"""Pictures of one size as a folder of arrays that are mapped, not read: the form for small pictures by the million.

``info.json`` names the classes and counts each split; ``<split>.pixels.npy`` is uint8 (N, 3, H, W), C order, and
``<split>.labels.npy`` int64 (N,), from 0. A process that reads a picture touches the pages of that picture only, and
planes of colours are what a network takes: a batch is gathered and scaled without a transposition.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from covpool.formats.corrupt import CorruptFile

INFO = "info.json"
FORMAT, VERSION = "covpool pixels", 1
_LONGEST_INFO = 1 << 26
_LONGEST_HEADER = 1024
# version 1.0 of the format, C order; https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '([<|][ui][18])', 'fortran_order': False, 'shape': \(([\d, ]{1,99})\), \} *\n",
    re.DOTALL,
)
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class PixelInfo:
    """What ``info.json`` says; ``mean`` is that of the training pixels, a channel, from 0 to 255, where known."""

    classes: list[str]
    counts: dict[str, int]
    height: int
    width: int
    mean: list[float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The values of the file."""
        return {"format": FORMAT, "version": VERSION, **vars(self)}


def read_pixel_info(folder: str | Path) -> PixelInfo:
    """The checked content of ``info.json``, with the sizes of all files beside it.

    Raises:
        CorruptFile: not of this format, or a file beside it is missing or of another size than it should be.
        OSError: it cannot be opened.
    """
    path = Path(folder) / INFO
    raw = path.read_bytes()[:_LONGEST_INFO]
    try:
        info = _checked(json.loads(raw))
    except (ValueError, KeyError, TypeError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise CorruptFile(str(path), f"it does not describe mapped pictures ({error}); prepare them again") from error
    for split in info.counts:
        open_pixels(folder, info, split)
        open_labels(folder, info, split)
    return info


def _checked(values: Any) -> PixelInfo:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    if values["version"] != VERSION:
        raise ValueError(f"it is of version {values['version']!r}, known is {VERSION}")
    info = PixelInfo(**{name: values.get(name) for name in PixelInfo.__dataclass_fields__})  # type: ignore[arg-type]
    if not isinstance(info.counts, dict):
        raise ValueError("it counts no splits")
    numbers = [info.height, info.width, *info.counts.values()]
    if not all(type(number) is int and number >= 0 for number in numbers) or not set(info.counts) <= set(SPLITS):
        raise ValueError("its counts are no counts")
    if not isinstance(info.classes, list) or not all(isinstance(name, str) for name in info.classes):
        raise ValueError("its classes are no names")
    if info.mean is not None and (len(info.mean) != 3 or not all(math.isfinite(value) for value in info.mean)):
        raise ValueError("its mean is not three numbers")
    return info


def open_pixels(folder: str | Path, info: PixelInfo, split: str) -> np.ndarray:
    """The pictures of a split, mapped: uint8 (N, 3, H, W)."""
    return _opened(Path(folder) / f"{split}.pixels.npy", (info.counts[split], 3, info.height, info.width), "u1")


def open_labels(folder: str | Path, info: PixelInfo, split: str) -> np.ndarray:
    """The labels of a split, read: int64 (N,), each one of the classes."""
    path = Path(folder) / f"{split}.labels.npy"
    labels = np.array(_opened(path, (info.counts[split],), "<i8"))
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(info.classes):
        reason = f"it has labels from {labels.min()} to {labels.max()} for {len(info.classes)} classes"
        raise CorruptFile(str(path), f"{reason}; prepare it again")
    return labels


def _opened(path: Path, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """The array, mapped; its header must say exactly what is expected (numpy's reader parses any Python literal)."""
    try:
        with open(path, "rb") as file:
            start, size = file.read(_LONGEST_HEADER), os.fstat(file.fileno()).st_size
    except FileNotFoundError as error:
        raise CorruptFile(str(path), "it is missing; prepare the set again") from error
    found = _HEADER.match(start)
    if found is None or found.end() != 10 + int.from_bytes(found[1], "little"):
        raise CorruptFile(str(path), "it is no array as numpy.save writes it; prepare it again")
    lengths = tuple(int(length) for length in re.findall(rb"\d+", found[3]))
    if lengths != shape or np.dtype(found[2].decode()) != np.dtype(dtype):
        stated = f"it holds {found[2].decode()} of shape {lengths} instead of {np.dtype(dtype)} of shape {shape}"
        raise CorruptFile(str(path), f"{stated}; prepare it again")
    needed = found.end() + math.prod(shape) * np.dtype(dtype).itemsize
    if size != needed:
        raise CorruptFile(str(path), f"it has {size} bytes instead of {needed}; it is cut or damaged, prepare it again")
    return np.memmap(path, dtype, "r", found.end(), shape) if math.prod(shape) else np.zeros(shape, dtype)


class PixelWriter:
    """Writes such a folder; it gets its name only when it is complete, so that a half one is never taken for whole.

    Args:
        folder: where; must not exist.
        classes: name of label 0, 1, ...
        counts: pictures a split.
        size: height and width.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     with PixelWriter(f"{place}/two", ["cat", "dog"], {"train": 2}, (4, 4)) as writer:
        ...         writer.put("train", 0, np.zeros((2, 4, 4, 3), np.uint8), [0, 1])
        ...     read_pixel_info(f"{place}/two").counts
        {'train': 2}
    """

    def __init__(
        self, folder: str | Path, classes: Sequence[str], counts: Mapping[str, int], size: tuple[int, int]
    ) -> None:
        self.folder = Path(folder)
        if self.folder.exists():
            raise FileExistsError(f"needed a new folder; {str(self.folder)!r} exists, remove it or name another")
        self.work = self.folder.with_name(f"{self.folder.name}.part")
        self.info = PixelInfo(list(classes), dict(counts), *size)
        self.work.mkdir(parents=True, exist_ok=True)
        self._pixels = {s: self._created(f"{s}.pixels.npy", "u1", (n, 3, *size)) for s, n in counts.items()}
        self._labels = {s: self._created(f"{s}.labels.npy", "<i8", (n,)) for s, n in counts.items()}

    def _created(self, name: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        if math.prod(shape):
            return np.lib.format.open_memmap(self.work / name, "w+", np.dtype(dtype), shape)
        np.save(self.work / name, np.zeros(shape, dtype))
        return np.zeros(shape, dtype)

    def put(self, split: str, start: int, pixels: np.ndarray, labels: Sequence[int] | np.ndarray) -> None:
        """Pictures uint8 (n, H, W, 3) and their labels, from position ``start`` on."""
        stop, size = start + len(pixels), (self.info.height, self.info.width)
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (*size, 3) or len(labels) != len(pixels):
            wanted = f"uint8 (n, {size[0]}, {size[1]}, 3) and n labels"
            raise ValueError(f"needed {wanted}; got {pixels.dtype} {pixels.shape} and {len(labels)}")
        self._pixels[split][start:stop] = pixels.transpose(0, 3, 1, 2)
        self._labels[split][start:stop] = labels

    def close(self) -> None:
        """Write the mean and ``info.json``, and give the folder its name."""
        info = self.info
        if info.counts.get("train"):
            info = PixelInfo(info.classes, info.counts, info.height, info.width, _mean(self._pixels["train"]))
        for array in (*self._pixels.values(), *self._labels.values()):
            if isinstance(array, np.memmap):
                array.flush()
        (self.work / INFO).write_text(json.dumps(info.to_dict(), indent=1) + "\n", encoding="utf-8")
        os.replace(self.work, self.folder)

    def __enter__(self) -> PixelWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()


def _mean(pixels: np.ndarray, step: int = 4096) -> list[float]:
    sums = [pixels[at : at + step].sum(axis=(0, 2, 3), dtype=np.uint64) for at in range(0, len(pixels), step)]
    return [float(value) for value in np.sum(sums, axis=0) / (math.prod(pixels.shape) / 3)]
