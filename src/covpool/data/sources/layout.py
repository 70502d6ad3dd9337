"""Names of files and folders -> splits and classes. The same rules serve folders and archives."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from covpool.data.decode import EXTENSIONS, starts_like_picture

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
EXAMPLE = "{0}/train/cat/1.jpg with {0}/val/cat/2.jpg, or {0}/cat/1.jpg to have validation pictures drawn"
_INNER = {*SPLITS, "images", "data"}  # folders such as train/train or train/images, looked through inside a split
_SYSTEM = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")


@dataclass
class Listing:
    """Pictures and folders below one place, as relative names with slashes; ``rows`` are their positions there."""

    place: str
    files: list[str]
    rows: list[int]
    folders: list[str]
    ignored: Counter[str] = field(default_factory=Counter)  # extension -> files that are no pictures by name

    @classmethod
    def of(cls, place: str, files: Iterable[str], folders: Iterable[str], start: Callable[[int], bytes]) -> Listing:
        """Sort out what is no picture: hidden and system files silently, others counted.

        The extension decides; only where there is none, ``start`` gives the first bytes of that file.
        """
        listing = cls(place, [], [], [name for name in folders if not is_hidden(name)])
        hidden: dict[str, bool] = {}  # by folder: a set has few folders and a million names
        for row, name in enumerate(files):
            folder, _, last = name.rpartition("/")
            if folder not in hidden:
                hidden[folder] = is_hidden(folder)
            if hidden[folder] or is_hidden(last):
                continue
            stem, dot, ending = last.rpartition(".")
            extension = dot + ending.lower() if stem else ""
            if extension in EXTENSIONS or (not extension and starts_like_picture(start(row))):
                listing.files.append(name)
                listing.rows.append(row)
            else:
                listing.ignored[extension or "no extension"] += 1
        return listing

    def ignored_sentence(self) -> str:
        """'ignored 3 files that are no pictures (.txt 2, .csv 1)', or nothing."""
        if not self.ignored:
            return ""
        ordered = sorted(self.ignored.items(), key=lambda item: (-item[1], item[0]))
        kinds = ", ".join(f"{kind} {count}" for kind, count in ordered[:5])
        count = sum(self.ignored.values())
        return f"ignored {plural(count, 'file')} that {'is no picture' if count == 1 else 'are no pictures'} ({kinds})"


@dataclass
class Split:
    """One split: class name -> positions in the listing."""

    name: str  # train, val, test, or all where the source has no splits
    folder: str
    classes: dict[str, list[int]] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)  # pictures outside any class folder

    def mistakes(self, place: str) -> list[str]:
        """What makes this split unusable, as sentences."""
        here = f"{place}/{self.folder}".rstrip("/")
        if self.loose and not self.classes:
            count = plural(len(self.loose), "picture")
            return [
                f"{here!r} holds {count} but no class folders; put each picture into a folder named after "
                f"its class: {EXAMPLE.format('photos')}"
            ]
        found = [f"class folder {f'{here}/{name}'!r} holds no pictures; fill or remove it" for name in self.empty]
        if self.loose:
            found.append(
                f"{plural(len(self.loose), 'picture')} in {here!r} outside any class folder (such as "
                f"{self.loose[0]!r}); move into class folders or remove"
            )
        return found


@dataclass
class Layout:
    """The splits of a listing, and remarks on what was passed over."""

    splits: dict[str, Split]
    remarks: list[str]
    mistakes: list[str]


def read_layout(listing: Listing) -> Layout:
    """Find splits and classes: ``<split>/<class>/...`` or ``<class>/...``, below any single wrapping folder."""
    tree = _Tree(listing)
    root = tree.unwrapped("")
    tops = tree.subfolders(root)
    named: dict[str, list[str]] = {}
    for top in tops:
        if top.lower() in SPLITS:
            named.setdefault(SPLITS[top.lower()], []).append(top)
    if not named:
        return Layout({"all": tree.split("all", root)}, [], [])
    return _with_splits(tree, root, tops, named)


def _with_splits(tree: _Tree, root: str, tops: list[str], named: dict[str, list[str]]) -> Layout:
    place = tree.listing.place
    mistakes = [
        f"{place!r} has {' and '.join(map(repr, folders))}, both {split} splits; keep one"
        for split, folders in named.items()
        if len(folders) > 1
    ]
    others = [top for top in tops if top.lower() not in SPLITS and tree.has_pictures(_join(root, top))]
    remarks = []
    if others and "train" in named:
        remarks.append(f"ignored {_few(others)} beside the splits of {place!r}")
    elif others:
        names = _few([folder for folders in named.values() for folder in folders])
        mistakes.append(
            f"{place!r} has the split {names} beside {_few(others)} but no 'train'; put class folders into 'train'"
        )
    splits = {
        split: tree.split(split, tree.unwrapped(_join(root, folders[0]), _INNER)) for split, folders in named.items()
    }
    return Layout(splits, remarks, mistakes)


class _Tree:
    """The listing as folder -> subfolders and pictures directly inside."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self._subfolders: dict[str, set[str]] = {"": set()}
        self._pictures: dict[str, list[int]] = {}
        for folder in listing.folders:
            self._add_folder(folder)
        for position, name in enumerate(listing.files):
            folder = name.rpartition("/")[0]
            self._add_folder(folder)
            self._pictures.setdefault(folder, []).append(position)

    def _add_folder(self, folder: str) -> None:
        while folder and folder not in self._subfolders:
            self._subfolders[folder] = set()
            parent, _, name = folder.rpartition("/")
            if parent not in self._subfolders:
                self._add_folder(parent)
            self._subfolders[parent].add(name)
            folder = parent

    def subfolders(self, folder: str) -> list[str]:
        return sorted(self._subfolders.get(folder, ()))

    def pictures(self, folder: str) -> list[int]:
        """Positions of all pictures at any depth below ``folder``."""
        found = list(self._pictures.get(folder, ()))
        for name in self.subfolders(folder):
            found += self.pictures(_join(folder, name))
        return found

    def has_pictures(self, folder: str) -> bool:
        if self._pictures.get(folder):
            return True
        return any(self.has_pictures(_join(folder, name)) for name in self.subfolders(folder))

    def unwrapped(self, folder: str, allowed: set[str] | None = None) -> str:
        """Step down while a folder holds nothing but one folder that itself holds folders."""
        while True:
            inner = self.subfolders(folder)
            if len(inner) != 1 or self._pictures.get(folder):
                return folder
            name, below = inner[0], _join(folder, inner[0])
            is_split = name.lower() in SPLITS and allowed is None
            if is_split or (allowed is not None and name.lower() not in allowed):
                return folder
            if not self.subfolders(below) or self._pictures.get(below):
                return folder
            folder = below

    def split(self, name: str, folder: str) -> Split:
        found = Split(name, folder, loose=[self.listing.files[i] for i in self._pictures.get(folder, ())])
        for child in self.subfolders(folder):
            positions = self.pictures(_join(folder, child))
            if positions:
                # macOS writes accents decomposed, others composed: one class either way
                found.classes.setdefault(unicodedata.normalize("NFC", child), []).extend(positions)
            else:
                found.empty.append(child)
        found.classes = dict(sorted(found.classes.items()))
        return found


def is_hidden(name: str) -> bool:
    """Whether any part of a relative name is hidden or belongs to an operating system."""
    return any(part.startswith(".") or part in _SYSTEM for part in name.split("/"))


def plural(count: int, noun: str) -> str:
    """'1 picture', '1,200 pictures', '3 classes'."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{'' if count == 1 else ending}"


def _few(names: list[str], shown: int = 5) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(repr, names[:shown])) + more


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
