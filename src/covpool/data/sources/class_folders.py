"""Class folders in a directory or a tar -> a source: splits assembled, classes compared."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from covpool.data.decode import starts_like_picture
from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.sources.folder import list_folder, read_start
from covpool.data.sources.layout import EXAMPLE, Layout, Listing, Split, plural, read_layout
from covpool.data.sources.tar import list_tar
from covpool.formats import BadTar
from covpool.registry import nearest

log = logging.getLogger("covpool")
_SHOWN = 10


@dataclass
class Place:
    """A listed folder or archive with its reader and its layout."""

    listing: Listing
    reader: Callable[[int], bytes]
    layout: Layout

    def images(self, split: Split, classes: list[str]) -> ImageSet:
        """The pictures of a split, labelled by the place of their class in ``classes``."""
        numbers = {name: label for label, name in enumerate(classes)}
        positions = [p for found in split.classes.values() for p in found]
        labels = [numbers[name] for name, found in split.classes.items() for _ in found]
        keys = [self.listing.files[p] for p in positions]
        return ImageSet(classes, labels, keys, _Rows(self.reader, np.array(positions)), self.listing.place)

    def check(self, splits: list[Split]) -> list[str]:
        """What makes the place or one of these splits unusable, as sentences."""
        return [*self.layout.mistakes, *(m for split in splits for m in split.mistakes(self.listing.place))]


@dataclass
class _Rows:
    """Positions of a split -> positions of the whole place."""

    reader: Callable[[int], bytes]
    positions: np.ndarray

    def __call__(self, position: int) -> bytes:
        return self.reader(int(self.positions[position]))


def list_place(source: str | Path) -> Place:
    """List an existing folder or tar; what is ignored goes to the log."""
    path = Path(source).expanduser()
    try:
        if path.is_file() and starts_like_picture(read_start(str(path))):
            sentence = (
                f"{str(source)!r} is a single picture; name a folder of class folders: {EXAMPLE.format('photos')}"
            )
            raise BadSource(str(source), [sentence])
        listing, reader = list_folder(path) if path.is_dir() else list_tar(path)
    except BadTar as error:
        raise BadSource(str(source), [str(error)]) from error
    except OSError as error:
        raise BadSource(str(source), [f"cannot read {error.filename!r} ({error.strerror})"]) from error
    ignored = listing.ignored_sentence()
    if not listing.files:
        looked = f"{str(source)!r} holds no pictures" + (f" ({ignored})" if ignored else "")
        raise BadSource(str(source), [f"{looked}; a usable layout is {EXAMPLE.format('photos')}"])
    if ignored:
        log.warning("%s in %r", ignored, str(source))
    layout = read_layout(listing)
    for remark in layout.remarks:
        log.warning("%s", remark)
    return Place(listing, reader, layout)


def one_place(place: Place) -> tuple[ImageSource, list[str]]:
    """The splits of one place, and remarks for the log."""
    splits = dict(place.layout.splits)
    remarks = []
    if "test" in splits and not splits["test"].classes and "val" in splits:
        remarks.append(f"ignored the test split of {place.listing.place!r}: it has no class folders")
        del splits["test"]
    mistakes = place.check(list(splits.values()))
    train = splits.get("train") or splits.get("all")
    classes = list((train or splits.get("val") or splits["test"]).classes)
    for name in ("val", "test"):
        if train is not None and name in splits:
            mistakes += _class_mistakes(name, splits[name], classes)
    return _source(place, mistakes, classes, {name: (place, split) for name, split in splits.items()}), remarks


def two_places(place: Place, other: Place) -> tuple[ImageSource, list[str]]:
    """Train from one place, validation pictures from another."""
    splits = place.layout.splits
    train = splits.get("train") or splits.get("all")
    val = next(other.layout.splits[name] for name in ("val", "test", "all", "train") if name in other.layout.splits)
    mistakes = place.check([train] if train else [])
    if train is None:
        mistakes.append(f"{place.listing.place!r} has no train split, only {', '.join(splits)}")
    mistakes += other.check([val])
    classes = list((train or val).classes)
    mistakes += _class_mistakes("val", val, classes)
    parts = {"train": (place, train or val), "val": (other, val)}
    if "test" in splits and not _class_mistakes("test", splits["test"], classes):
        parts["test"] = (place, splits["test"])
    return _source(place, mistakes, classes, parts), []


def _class_mistakes(name: str, split: Split, classes: list[str]) -> list[str]:
    if not split.classes:
        return []  # reported as a split without class folders
    missing = [c for c in classes if c not in split.classes and c not in split.empty]
    known = set(classes)
    strange = [c for c in split.classes if c not in known]
    found = []
    if missing:
        found.append(f"{name} has no pictures of {list_classes(missing)}; add some or remove from train")
    if strange:
        near = nearest(strange[0], classes)
        hint = f" (is {strange[0]!r} meant to be {near!r}?)" if near else ""
        found.append(f"{name} has {list_classes(strange)}, unknown in train{hint}; rename or remove")
    return found


def list_classes(names: list[str]) -> str:
    """'2 classes (cat, dog)', cut after ten names."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{plural(len(names), 'class')} ({', '.join(names[:_SHOWN])}{more})"


def _source(
    place: Place, mistakes: list[str], classes: list[str], parts: dict[str, tuple[Place, Split]]
) -> ImageSource:
    where = place.listing.place
    if not mistakes and len(classes) < 2:
        mistakes = [f"{where!r} has the single class {classes[0]!r}; classification needs at least 2 class folders"]
    if mistakes:
        raise BadSource(where, mistakes)
    sets = {name: at.images(split, classes) for name, (at, split) in parts.items()}
    train = sets.get("train") or sets.get("all")
    name = Path(where).resolve().stem if Path(where).is_file() else Path(where).resolve().name
    return ImageSource(name, train, sets.get("val"), sets.get("test"), classes, where)
