"""A published set: what it is called, what its files are called, and how its lists become splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from covpool.data.archives.tree import Tree, archives_in, is_archive
from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource

SPLITS = ("train", "val", "test")
_SHOWN = 3
_MOST_SIBLINGS = 200  # a folder that holds more is a set itself, not a shelf with one


class NotThere(Exception):
    """A file that this set needs is in none of the places looked at; the text names it."""


@dataclass(frozen=True)
class Found:
    """Class names, and for each split (name of the picture in the tree, label)."""

    classes: Sequence[str]
    splits: Mapping[str, Sequence[tuple[str, int]]]


@dataclass(frozen=True)
class Published:
    """One set.

    Args:
        read: lists of a tree -> Found; NotThere where a list is missing.
        marks: groups of relative names; a folder that holds all of a group holds this set.
        archives: patterns of the names of the published archives.
        summary: the line of a list of sets.
        is_recognised: whether a folder with these marks is opened as this set without its name.
    """

    read: Callable[[Tree], Found]
    marks: tuple[tuple[str, ...], ...]
    archives: tuple[str, ...]
    summary: str
    is_recognised: bool = True


def open_published(name: str, entry: Published, path: Path, cache: Path) -> ImageSource:
    """The set from its unpacked folder, from one of its archives, or from the folder in which they lie.

    Raises:
        BadSource: lists or pictures are missing, or not as published.
    """
    tree = Tree(str(path))
    missing: list[str] = []
    for mount in _places(entry, path):
        mount(tree, cache)
        try:
            found = entry.read(tree)
        except NotThere as error:
            missing = [f"{str(path)!r} does not hold {name!r} as it is published: there is no {error}"]
            continue
        missing = _absent_pictures(tree, name, found)
        if not missing:
            return _source(tree, name, entry, found)
    raise BadSource(str(path), missing)


def _places(entry: Published, path: Path) -> list[Callable[[Tree, Path], None]]:
    """Where to look, one after the other: what lies open first, then what is packed."""
    if path.is_dir():
        shelf = archives_in(path, entry.archives)
        return [lambda tree, cache: tree.add_folder(path), *([_mounter(shelf)] if shelf else [])]
    if not is_archive(path):
        raise BadSource(str(path), [f"{str(path)!r} is neither a folder nor a .tar, .tgz or .zip archive"])
    siblings = [other for other in archives_in(path.parent, entry.archives) if other != path]
    return [
        lambda tree, cache: tree.add_archive(path, cache),
        lambda tree, cache: tree.add_folder(path.parent, deep=False),
        *([_mounter(siblings)] if siblings else []),
    ]


def _mounter(archives: Sequence[Path]) -> Callable[[Tree, Path], None]:
    def mount(tree: Tree, cache: Path) -> None:
        for archive in archives:
            tree.add_archive(archive, cache)

    return mount


def _absent_pictures(tree: Tree, name: str, found: Found) -> list[str]:
    absent = [picture for rows in found.splits.values() for picture, _ in rows if picture not in tree]
    if not absent:
        return []
    more = ", ..." if len(absent) > _SHOWN else ""
    shown = ", ".join(map(repr, absent[:_SHOWN])) + more
    kind = "picture" if len(absent) == 1 else "pictures"
    return [
        f"{name!r} in {tree.place!r} lists {len(absent):,} {kind} that it does not hold ({shown}); "
        "unpack all its archives there, or put them there packed"
    ]


def _source(tree: Tree, name: str, entry: Published, found: Found) -> ImageSource:
    classes = list(found.classes)
    sets: dict[str, ImageSet | None] = dict.fromkeys(SPLITS)
    for split, rows in found.splits.items():
        labels = [label for _, label in rows]
        keys = [f"{split}/{picture}" for picture, _ in rows]
        sets[split] = ImageSet(classes, labels, keys, tree.pictures(picture for picture, _ in rows), tree.place)
    return ImageSource(name, sets["train"], sets["val"], sets["test"], classes, f"{name}: {entry.summary}")


def recognises(entry: Published, path: Path) -> bool:
    """Whether ``path`` is an archive with a published name, or a folder with the set's marks at most one level down."""
    if not entry.is_recognised:
        return False
    if path.is_file():
        return is_archive(path) and path in archives_in(path.parent, entry.archives)
    if not path.is_dir():
        return False
    inner = [child for child in path.iterdir() if child.is_dir()]
    places = [path, *(inner if len(inner) <= _MOST_SIBLINGS else [])]
    return any(all((place / mark).exists() for mark in group) for place in places for group in entry.marks)


def needed_root(tree: Tree, *groups: tuple[str, ...]) -> str:
    """The folder in which all files of one of ``groups`` lie; NotThere names those of the first."""
    for group in groups:
        root = tree.root_of(*group)
        if root is not None:
            return root
    raise NotThere(" with ".join(groups[0]))
