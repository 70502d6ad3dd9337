"""Food-101, iFood 2019 (FoodX-251) and UEC Food-100.

Sources: Bossard et al., ECCV 2014, ``food-101.tar.gz``: ``food-101/{images/<class>/*.jpg, meta/{classes,train,
test}.txt}``. Kaur et al., arXiv 1907.06167: ``train_set/``, ``val_set/`` with ``train_labels.csv`` and
``val_labels.csv`` (Kaggle) or ``annot.tar`` with ``train_info.csv`` and ``val_info.csv`` (the authors' page), and
``class_list.txt``. Matsuda et al., ICME 2012, ``UECFOOD100.zip``: ``UECFOOD100/{category.txt, <number>/*.jpg}``.
"""

from __future__ import annotations

import json

from covpool.data.archives.published import Found, NotThere, Published, needed_root
from covpool.data.archives.tables import read_csv, read_rows, whole
from covpool.data.archives.tree import Tree

_FOOD101 = ("meta/classes.txt", "meta/train.txt", "meta/test.txt")
_FOOD101_JSON = ("meta/train.json", "meta/test.json")
_IFOOD = (
    ("class_list.txt", "train_labels.csv", "val_labels.csv"),
    ("class_list.txt", "train_info.csv", "val_info.csv"),
)


def read_food101(tree: Tree) -> Found:
    """101 dishes: 75,750 to train, 25,250 to test."""
    root = needed_root(tree, _FOOD101, _FOOD101_JSON)
    names = {split: _food101_names(tree, root, split) for split in ("train", "test")}
    listed = tree.text(root + _FOOD101[0]).split() if root + _FOOD101[0] in tree else []
    classes = listed or sorted({name.partition("/")[0] for name in names["train"]})
    numbers = {name: label for label, name in enumerate(classes)}
    strange = {name.partition("/")[0] for rows in names.values() for name in rows} - set(numbers)
    if strange:
        raise NotThere(f"{min(strange)!r} in meta/classes.txt")
    return Found(
        classes,
        {
            split: [(f"{root}images/{name}.jpg", numbers[name.partition("/")[0]]) for name in rows]
            for split, rows in names.items()
        },
    )


def _food101_names(tree: Tree, root: str, split: str) -> list[str]:
    if f"{root}meta/{split}.txt" in tree:
        return tree.text(f"{root}meta/{split}.txt").split()
    by_class: dict[str, list[str]] = json.loads(tree.text(f"{root}meta/{split}.json"))
    return [name for names in by_class.values() for name in names]


def read_ifood(tree: Tree) -> Found:
    """251 dishes: 118,475 to train, 11,994 to validate; the labels of the test pictures where they are there."""
    root = needed_root(tree, *_IFOOD)
    classes = [name for _, name in read_rows(tree, root + "class_list.txt", 2)]
    kind = "labels" if f"{root}train_labels.csv" in tree else "info"
    splits = {}
    for split in ("train", "val", "test"):
        table = f"{root}{split}_{kind}.csv"
        if table in tree:
            splits[split] = [
                (
                    tree.by_base(row[0].strip()) or f"{split}_set/{row[0].strip()}",
                    whole(tree, table, row[1], first=0, last=len(classes) - 1),
                )
                for row in read_csv(tree, table)
            ]
    return Found(classes, splits)


def read_uec(tree: Tree) -> Found:
    """100 dishes of Japan, 14,361 pictures of which some show several and lie in several folders; no split."""
    root = needed_root(tree, ("category.txt", "1/bb_info.txt"))
    names = {int(n): name for n, name in read_rows(tree, root + "category.txt", 2) if n.isdecimal()}
    rows = []
    for picture in tree.below(root):
        folder, slash, base = picture[len(root) :].partition("/")
        if slash and folder.isdecimal() and base.lower().endswith(".jpg"):
            rows.append((picture, whole(tree, "category.txt", folder, first=1, last=len(names)) - 1))
    ordered = sorted(rows, key=lambda row: (row[1], len(row[0]), row[0]))
    return Found([names.get(n, str(n)) for n in range(1, len(names) + 1)], {"train": ordered})


FOOD = {
    "food101": Published(
        read_food101, (_FOOD101, _FOOD101_JSON, ("food-101.tar.gz",)), ("food-101.*",), "Food-101, 101 dishes"
    ),
    "ifood2019": Published(
        read_ifood,
        (*_IFOOD, ("train_labels.csv", "val_labels.csv"), ("annot.tar", "train.tar")),
        ("train_set.*", "val_set.*", "test_set.*", "train.tar*", "val.tar*", "test.tar*", "annot.tar*", "ifood-2019*"),
        "iFood 2019 (FoodX-251), 251 dishes",
    ),
    "uec-food100": Published(
        read_uec, (("category.txt", "1/bb_info.txt"),), ("uecfood100.*", "dataset100.*"), "UEC Food-100, 100 dishes"
    ),
}
