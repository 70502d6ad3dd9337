"""Sets of the Hugging Face ``datasets`` library, by name or from a folder that it saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from covpool.data.decode import to_rgb
from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import NumberedNames
from covpool.data.sources.folder import opened
from covpool.data.sources.layout import SPLITS
from covpool.network_access import online


@dataclass
class TableReader:
    """position -> bytes of a picture in a table that lies mapped on disk; files that it names lie below ``places``."""

    table: Any
    column: str
    places: list[Path]

    def __call__(self, position: int) -> bytes | Image.Image:
        cell = self.table[position][self.column]
        if isinstance(cell, Image.Image):
            return to_rgb(cell)
        if cell.get("bytes") is not None:
            return cell["bytes"]
        path = Path(cell["path"]).resolve()
        if not any(path.is_relative_to(place) for place in self.places):
            raise OSError(f"the set names {str(path)!r}, which lies outside of it")
        with opened(path) as file:
            return file.read()


def open_hugging_face(name: str, cache: Path) -> ImageSource:
    """The set ``hf:NAME``, ``hf:NAME/CONFIGURATION@COLUMN`` of the hub or of a folder written by ``save_to_disk``.

    The column of labels is the only one of class labels, or the one named after ``@`` (``hf:cifar100@fine_label``).
    The library fetches into its own cache below ``cache``; code of a set's own is never run (``datasets`` 4 and later
    cannot, earlier ones are told not to).

    Raises:
        BadSource: the library is absent, the set cannot be had, or it has no pictures or no labels.
    """
    source = f"hf:{name}"
    place, _, column = name.partition("@")
    try:
        with online():  # the name is that of a server
            splits = _load(place, cache / "hugging-face")
            places = [Path(place).resolve(), (cache / "hugging-face").resolve()]
    except ImportError as error:
        sentence = f'{source!r} needs the package datasets, which is not installed; pip install "covpool[datasets]"'
        raise BadSource(source, [sentence]) from error
    except Exception as error:  # the library raises nearly anything
        raise BadSource(source, [f"{source!r} cannot be had ({error}); check the name and the connection"]) from error
    sets = {
        SPLITS[split]: _image_set(source, split, table, column, places)
        for split, table in splits.items()
        if split in SPLITS
    }
    if not sets:
        raise BadSource(
            source, [f"{source!r} has the splits {', '.join(splits)}; train, validation or test was needed"]
        )
    classes = next(iter(sets.values())).classes
    return ImageSource(name, sets.get("train"), sets.get("val"), sets.get("test"), classes, f"{source}, Hugging Face")


def _load(place: str, cache: Path) -> dict[str, Any]:
    import datasets

    if Path(place).is_dir() and list(Path(place).rglob("state.json")):
        found = datasets.load_from_disk(place)
        return dict(found) if isinstance(found, dict) else {"train": found}
    return dict(datasets.load_dataset(place, cache_dir=str(cache)))


def _image_set(source: str, split: str, table: Any, asked: str, places: list[Path]) -> ImageSet:
    import datasets

    kinds = table.features
    pictures = [name for name, kind in kinds.items() if isinstance(kind, datasets.Image)]
    labels = [name for name, kind in kinds.items() if isinstance(kind, datasets.ClassLabel)]
    mistakes = []
    if len(pictures) != 1:
        mistakes.append(f"{source!r} has {len(pictures)} columns of pictures in {split!r}; one was needed")
    if asked and asked not in labels:
        mistakes.append(f"{source!r} has no column of class labels {asked!r}; it has {', '.join(labels) or 'none'}")
    if not asked and len(labels) != 1:
        which = f"it has {', '.join(labels)}; name one: {source}@{labels[0]}" if labels else "it has none"
        mistakes.append(f"{source!r} needs one column of class labels in {split!r}; {which}")
    if mistakes:
        raise BadSource(source, mistakes)
    column = asked or labels[0]
    values = np.array(table.with_format("numpy")[column], np.int64)
    if len(values) and values.min() < 0:
        raise BadSource(source, [f"{source!r} hides the labels of {split!r} (-1); it cannot be trained or judged on"])
    raw = table.select_columns(pictures).cast_column(pictures[0], datasets.Image(decode=False))
    reader = TableReader(raw, pictures[0], places)
    return ImageSet(kinds[column].names, values, NumberedNames(split, len(table)), reader, source)
