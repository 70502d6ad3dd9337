"""The sets of the Visual Geometry Group: Oxford-IIIT Pets and Oxford Flowers.

Sources: Parkhi et al., CVPR 2012, ``images.tar.gz`` and ``annotations.tar.gz`` (``annotations/{trainval,test}.txt``:
picture, class from 1, species, breed). Nilsback and Zisserman, ICVGIP 2008, ``102flowers.tgz`` (``jpg/``),
``imagelabels.mat`` (labels from 1) and ``setid.mat`` (picture numbers of trnid, valid and tstid).
"""

from __future__ import annotations

import numpy as np
from torchvision.datasets import Flowers102

from covpool.data.archives.published import Found, NotThere, Published, needed_root
from covpool.data.archives.tables import read_mat, read_rows, whole
from covpool.data.archives.tree import Tree

_PETS = ("annotations/trainval.txt", "annotations/test.txt")
_FLOWERS = ("imagelabels.mat", "setid.mat")


def read_pets(tree: Tree) -> Found:
    """37 breeds of cats and dogs: 3,680 to train and validate, 3,669 to test."""
    root = needed_root(tree, _PETS)
    breeds: dict[int, str] = {}
    splits = {}
    for split, name in zip(("train", "test"), _PETS, strict=True):
        rows = []
        for picture, label, _ in read_rows(tree, root + name, 3):
            number = whole(tree, name, label, first=1)
            breeds.setdefault(number, picture.rpartition("_")[0])
            rows.append((f"{root}images/{picture}.jpg", number - 1))
        splits[split] = rows
    if sorted(breeds) != list(range(1, len(breeds) + 1)):
        raise NotThere(f"picture of breed {min(set(range(1, max(breeds) + 1)) - set(breeds))} in its lists")
    classes = [" ".join(part.title() for part in breeds[n].split("_")) for n in sorted(breeds)]
    return Found(classes, splits)


def read_flowers(tree: Tree) -> Found:
    """102 kinds in the authors' three splits: 1,020, 1,020 and 6,149."""
    return _flowers(tree, {"train": ("trnid",), "val": ("valid",), "test": ("tstid",)})


def read_flowers_trainval(tree: Tree) -> Found:
    """Train and validation together: 2,040 and 6,149."""
    return _flowers(tree, {"train": ("trnid", "valid"), "test": ("tstid",)})


def _flowers(tree: Tree, parts: dict[str, tuple[str, ...]]) -> Found:
    root = needed_root(tree, _FLOWERS)
    labels = np.atleast_1d(read_mat(tree, root + "imagelabels.mat")["labels"]).astype(np.int64)
    numbers = {key: np.atleast_1d(value).astype(np.int64) for key, value in _split_numbers(tree, root).items()}
    most = int(labels.max(initial=0))
    splits = {}
    for split, names in parts.items():
        chosen = np.concatenate([numbers[name] for name in names])
        if chosen.size and (chosen.min() < 1 or chosen.max() > len(labels)):
            raise NotThere(f"label for the picture {int(chosen.max())} of setid.mat")
        splits[split] = [(f"{root}jpg/image_{n:05d}.jpg", int(labels[n - 1]) - 1) for n in chosen.tolist()]
    known = list(getattr(Flowers102, "classes", []))  # the archive has numbers only
    return Found(known if most <= len(known) else [str(n + 1) for n in range(most)], splits)


def _split_numbers(tree: Tree, root: str) -> dict[str, np.ndarray]:
    found = read_mat(tree, root + "setid.mat")
    missing = [name for name in ("trnid", "valid", "tstid") if name not in found]
    if missing:
        raise NotThere(f"{missing[0]} in setid.mat")
    return {name: found[name] for name in ("trnid", "valid", "tstid")}


OXFORD = {
    "oxford-pets": Published(
        read_pets,
        (_PETS, ("annotations.tar.gz", "images.tar.gz")),
        ("images.tar*", "annotations.tar*"),
        "Oxford-IIIT Pets, 37 breeds",
    ),
    "flowers102": Published(read_flowers, (_FLOWERS,), ("102flowers.*",), "Oxford Flowers, 102 kinds"),
    "flowers102-trainval": Published(
        read_flowers_trainval,
        (_FLOWERS,),
        ("102flowers.*",),
        "Oxford Flowers, 102 kinds, train and val together",
        is_recognised=False,
    ),
}
