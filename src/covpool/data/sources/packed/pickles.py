"""Published sets of small pictures in pickled batches: CIFAR-10, CIFAR-100, downsampled ImageNet 16 to 64.

Each batch is a dict with 'data', uint8 (n, 3 * S * S): the red plane row by row, then green, then blue. CIFAR counts
labels from 0 and names them in a 'meta' file; downsampled ImageNet counts from 1, in the order of ``map_clsloc.txt``.
Source: cs.toronto.edu/~kriz/cifar.html; Chrabaszcz, Loshchilov, Hutter 2017 and its Imagenet32_Scripts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import Names, NumberedNames
from covpool.data.sources.packed.planes import PlanesReader
from covpool.formats import CorruptFile
from covpool.formats.pickled import read_plain_pickle

_CLASS_MAP = "map_clsloc.txt"  # of the ILSVRC development kit: 'n02119789 1 kit_fox'


@dataclass(frozen=True)
class Family:
    """How one publication names its files and keys; ``first`` is its smallest label."""

    name: str
    files: Mapping[str, str]  # split -> expression for the names of its files
    labels: str
    meta: tuple[str, str] | None
    first: int


FAMILIES = (
    Family("cifar10", {"train": r"data_batch_\d+", "test": "test_batch"}, "labels", ("batches.meta", "label_names"), 0),
    Family("cifar100", {"train": "train", "test": "test"}, "fine_labels", ("meta", "fine_label_names"), 0),
    Family("downsampled ImageNet", {"train": r"train_data_batch_\d+", "val": "val_data"}, "labels", None, 1),
)


def family_of(path: Path) -> tuple[Family, dict[str, list[Path]]] | None:
    """Which publication lies in a folder, also one folder deeper, with the files of each split in order."""
    if not path.is_dir():
        return None
    entries = [entry for entry in sorted(path.iterdir()) if not entry.name.startswith(".")]
    inner = [file for folder in entries if folder.is_dir() for file in sorted(folder.iterdir())]
    files = [entry for entry in [*entries, *inner] if entry.is_file()]
    for family in FAMILIES:
        found = {split: _named(files, expression) for split, expression in family.files.items()}
        has_meta = family.meta is None or bool(_named(files, re.escape(family.meta[0])))
        if has_meta and any(found.values()):
            return family, {split: names for split, names in found.items() if names}
    return None


def _named(files: list[Path], expression: str) -> list[Path]:
    found = [file for file in files if re.fullmatch(expression, file.name)]
    return sorted(found, key=lambda file: [int(digits) for digits in re.findall(r"\d+", file.name)])


def is_pickled(path: Path) -> bool:
    """Whether a folder holds one of these publications."""
    return family_of(path) is not None


@dataclass(frozen=True)
class _Batches:
    """Number of a file -> its pictures, mapped."""

    files: tuple[str, ...]

    def __call__(self, number: int) -> np.ndarray:
        return _planes(self.files[number], _content(self.files[number]))


def open_pickled(path: Path, cache: Path) -> ImageSource:
    """The splits of the publication that lies there; pictures stay in the files, mapped.

    Raises:
        CorruptFile: a batch that is damaged, of another content, or that asks for code to be run.
    """
    found = family_of(path)
    if found is None:
        raise BadSource(str(path), [f"{str(path)!r} holds no published pickled batches"])
    family, files = found
    read = {split: _read(family, split, paths) for split, paths in files.items()}
    most = max(int(labels.max(initial=0)) for labels, _, _ in read.values())
    classes = _classes(family, path, files, most)
    sets = {split: ImageSet(classes, labels, keys, reader, str(path)) for split, (labels, keys, reader) in read.items()}
    about = f"{path}, pickled batches of {family.name}"
    return ImageSource(path.resolve().name, sets.get("train"), sets.get("val"), sets.get("test"), classes, about)


def _read(family: Family, split: str, files: list[Path]) -> tuple[np.ndarray, Names, PlanesReader]:
    parts, names = [], []
    for file in files:
        batch = _content(str(file))
        labels, pictures = _labels(str(file), batch, family), _planes(str(file), batch)
        if len(labels) != len(pictures):
            raise CorruptFile(str(file), f"it has {len(labels)} labels for {len(pictures)} pictures; copy it again")
        parts.append(labels)
        names += _names(batch.get("filenames"))
    labels = np.concatenate(parts)
    keys = (
        Names(f"{split}/{name}" for name in names) if len(names) == len(labels) else NumberedNames(split, len(labels))
    )
    paths = tuple(str(file.resolve()) for file in files)
    return labels, keys, PlanesReader(_Batches(paths), [len(part) for part in parts])


def _content(file: str) -> dict[str, Any]:
    found = read_plain_pickle(file)
    if not isinstance(found, dict):
        raise CorruptFile(file, f"it holds a {type(found).__name__} where a dict with 'data' was needed")
    return {_text(key): value for key, value in found.items()}


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _names(stored: Any) -> list[str]:
    """A list of names; none where something else stands in its place."""
    is_list = isinstance(stored, list | tuple) and all(isinstance(name, bytes | str) for name in stored)
    return [_text(name).encode("utf-8", "replace").decode() for name in stored] if is_list else []


def _planes(file: str, batch: Mapping[str, Any]) -> np.ndarray:
    data = batch.get("data")
    side = math.isqrt(data.shape[1] // 3) if isinstance(data, np.ndarray) and data.ndim == 2 else 0
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or not side or data.shape[1] != 3 * side * side:
        what = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise CorruptFile(file, f"its 'data' is {what} where uint8 (n, 3 * S * S) was needed; copy it again")
    return data.reshape(-1, 3, side, side)


def _labels(file: str, batch: Mapping[str, Any], family: Family) -> np.ndarray:
    stored = batch.get(family.labels)
    try:
        labels = np.array(stored if isinstance(stored, list | np.ndarray) else None)
        if labels.size and labels.dtype.kind not in "iu":  # a conversion would cut 1.5 to 1
            raise TypeError(f"they are {labels.dtype}")
        labels = labels.astype(np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise CorruptFile(file, f"its {family.labels!r} are no list of whole numbers; copy it again") from error
    if labels.ndim != 1 or (len(labels) and not family.first <= labels.min() <= labels.max() < 1 << 20):
        sentence = f"its {family.labels!r} are not numbers from {family.first} on, as {family.name} has them"
        raise CorruptFile(file, f"{sentence}; copy it again")
    return labels - family.first


def _classes(family: Family, path: Path, files: Mapping[str, list[Path]], most: int) -> list[str]:
    folder = next(iter(files.values()))[0].parent
    if family.meta is not None:
        meta = folder / family.meta[0]
        names = _names(_content(str(meta)).get(family.meta[1]))
        if len(names) <= most:
            raise CorruptFile(str(meta), f"it names {len(names)} classes and there are labels up to {most}")
        return names
    for place in (path, folder):
        if (place / _CLASS_MAP).is_file():
            text = (place / _CLASS_MAP).read_text(encoding="utf-8", errors="replace")
            rows = [line.split() for line in text.splitlines()]
            named = {int(row[1]) - 1: row[0] for row in rows if len(row) > 1 and re.fullmatch("[0-9]{1,7}", row[1])}
            return [named.get(label, str(label + 1)) for label in range(max(most + 1, len(named)))]
    return [str(label + 1) for label in range(most + 1)]  # as the files count
