"""What names of files say about splits, and names of classes beside packed pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.sources.layout import SPLITS

CLASSES = "classes.txt"  # one name a line, in the order of the labels
PREPARED = "dataset.json"


def split_of(path: str) -> str:
    """The split that a file's name speaks of, else that of its folder; 'all' where neither does.

    Example:
        >>> split_of("validation-00003-of-00128"), split_of("imagenet-train-7.tar"), split_of("test/7.tar")
        ('val', 'train', 'test')
    """
    for part in reversed(path.split("/")[-2:]):
        for word in re.split(r"[^A-Za-z]+", part.lower()):
            if word in SPLITS:
                return SPLITS[word]
    return "all"


def files_of(folder: Path) -> list[Path]:
    """The files of a folder, and of its subfolders that are named as splits; sorted, hidden ones left out."""
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith((".", "_"))]
    inner = [file for entry in entries if entry.is_dir() and entry.name.lower() in SPLITS for file in files_of(entry)]
    return [entry for entry in entries if entry.is_file()] + inner


def assembled(
    source: str, name: str, sets: Mapping[str, ImageSet], classes: list[str], description: str
) -> ImageSource:
    """A source of these splits; 'all' serves as train, and cannot stand beside one.

    Raises:
        BadSource: both are there, or there are fewer than two classes.
    """
    mistakes = []
    if "all" in sets and "train" in sets:
        mistakes.append(f"{source!r} has files that name the split 'train' and others that name none; rename or move")
    if len(classes) < 2:
        mistakes.append(f"{source!r} has the single class {classes[0]!r}; classification needs at least 2")
    if mistakes:
        raise BadSource(source, mistakes)
    train = sets.get("train") or sets.get("all")
    return ImageSource(name, train, sets.get("val"), sets.get("test"), classes, description)


def class_names(folder: Path | None, count: int, known: Mapping[int, str], first: int = 0) -> list[str]:
    """Names of ``count`` classes: listed in the folder (``classes.txt``, or ``dataset.json`` of a prepared set), else
    those known by label, else their numbers.

    ``first`` is added to the numbers, for files that count from 1.
    """
    listed = None if folder is None else _listed(folder)
    if listed is not None and len(listed) < count:
        raise BadSource(str(folder), [f"{str(folder)!r} names {len(listed)} classes, and labels need {count}"])
    if listed is not None:
        return listed
    names = [known.get(label) or str(label + first) for label in range(count)]
    return names if len(set(names)) == count else [str(label + first) for label in range(count)]


def _listed(folder: Path) -> list[str] | None:
    if (folder / CLASSES).is_file():
        text = (folder / CLASSES).read_text(encoding="utf-8", errors="replace")
        return [line.strip() for line in text.splitlines() if line.strip()]
    if (folder / PREPARED).is_file():
        try:
            names = json.loads((folder / PREPARED).read_bytes())["classes"]
        except (ValueError, KeyError, TypeError, RecursionError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise BadSource(str(folder), [f"{str(folder / PREPARED)!r} lists no classes; prepare the set again"])
        return names
    return None
