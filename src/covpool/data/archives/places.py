"""Places365-Standard in the authors' own layout, with pictures of 256 pixels or of full size.

Source: Zhou et al., TPAMI 2018: ``train_256_places365standard.tar`` (``data_256/a/airfield/*.jpg``), ``val_256.tar``
(``val_256/Places365_val_*.jpg``), ``filelist_places365-standard.tar`` (``categories_places365.txt``,
``places365_train_standard.txt``, ``places365_val.txt``: picture and label from 0). Their "easy format"
(``places365_standard/{train,val}/<class>/*.jpg``) is a folder of class folders, which is read here too.
"""

from __future__ import annotations

from covpool.data.archives.published import Found, NotThere, Published, needed_root
from covpool.data.archives.tables import read_rows, whole
from covpool.data.archives.tree import Tree

_LISTS = ("categories_places365.txt", "places365_train_standard.txt", "places365_val.txt")
_EASY = ("train.txt", "val.txt")
_TRAIN_FOLDERS, _VAL_FOLDERS = ("data_256", "data_large"), ("val_256", "val_large")


def read_places(tree: Tree) -> Found:
    """365 scenes: 1,803,460 to train, 36,500 to validate."""
    if tree.root_of(_LISTS[0]) is None and tree.root_of(*_EASY) is not None:
        return _easy(tree)
    root = needed_root(tree, _LISTS)
    categories = read_rows(tree, root + _LISTS[0], 2)
    classes = [name.split("/", 2)[-1] for name, _ in categories]  # /a/apartment_building/outdoor
    folders = {"train": _TRAIN_FOLDERS, "val": _VAL_FOLDERS}
    splits = {}
    for split, name in zip(("train", "val"), _LISTS[1:], strict=True):
        rows = read_rows(tree, root + name, 2)
        place = _folder(tree, rows[0][0] if rows else "", folders[split])
        splits[split] = [
            (f"{place}/{picture.lstrip('/')}", whole(tree, name, label, first=0, last=len(classes) - 1))
            for picture, label in rows
        ]
    return Found(classes, splits)


def _folder(tree: Tree, picture: str, folders: tuple[str, ...]) -> str:
    """Where the first picture lies: the archives unpack beside the lists, or into a folder of their own."""
    for folder in folders:
        root = tree.root_of(f"{folder}/{picture.lstrip('/')}")
        if root is not None:
            return root + folder
    raise NotThere(f"picture {picture!r} in {' or '.join(folders)}")


def _easy(tree: Tree) -> Found:
    root = needed_root(tree, _EASY)
    names = {split: tree.text(f"{root}{split}.txt").split("\n") for split in ("train", "val")}
    rows = {split: [line.split()[0] for line in lines if line.strip()] for split, lines in names.items()}
    rows = {split: [_below(split, name) for name in found] for split, found in rows.items()}
    classes = sorted({name.rpartition("/")[0].partition("/")[2] for name in rows["train"]})
    numbers = {name: label for label, name in enumerate(classes)}
    try:
        splits = {
            split: [(root + name, numbers[name.rpartition("/")[0].partition("/")[2]]) for name in found]
            for split, found in rows.items()
        }
    except KeyError as error:
        raise NotThere(f"training picture of {error}") from error
    return Found(classes, splits)


def _below(split: str, name: str) -> str:
    clean = name.lstrip("/")
    return clean if clean.startswith(f"{split}/") else f"{split}/{clean}"


PLACES = {
    "places365": Published(
        read_places,
        (_LISTS, ("places365_standard/train.txt", "places365_standard/val.txt"), ("filelist_places365-standard.tar",)),
        (
            "places365standard_easyformat.tar",
            "train_*_places365standard.tar",
            "val_256.tar",
            "val_large.tar",
            "filelist_places365-standard.tar",
        ),
        "Places365-Standard, 365 scenes",
    )
}
