"""The three fine-grained sets of the covariance papers: CUB-200-2011, FGVC-Aircraft, Stanford Cars.

Sources: Wah et al., Caltech 2011, ``CUB_200_2011.tgz``: ``CUB_200_2011/{images.txt, image_class_labels.txt,
train_test_split.txt, classes.txt, images/<class>/*.jpg}``. Maji et al., arXiv 1306.5151,
``fgvc-aircraft-2013b.tar.gz``: ``data/{variants.txt, images_variant_<split>.txt, images/*.jpg}``, and the same for
families and manufacturers. Krause et al., 3dRR 2013: ``cars_train.tgz``, ``cars_test.tgz``, ``car_devkit.tgz``
(``devkit/cars_meta.mat``, ``cars_train_annos.mat``) and ``cars_test_annos_withlabels.mat``, which some copies have as
the devkit's ``cars_test_annos.mat``; or all pictures in ``car_ims.tgz`` with ``cars_annos.mat``.

All labels count from 1. For retrieval the first half of the classes trains and the other half is searched (Oh Song et
al., CVPR 2016).
"""

from __future__ import annotations

from typing import Any

from covpool.data.archives.published import Found, NotThere, Published, needed_root
from covpool.data.archives.tables import read_mat, read_rows, whole
from covpool.data.archives.tree import Tree

_CUB = ("images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt")
_LEVELS = {"variant": "variants.txt", "family": "families.txt", "manufacturer": "manufacturers.txt"}
_AIRCRAFT = ("variants.txt", "images_variant_train.txt", "images_variant_val.txt", "images_variant_test.txt")
_TRAIN_ANNOTATIONS = ("devkit/cars_meta.mat", "devkit/cars_train_annos.mat")
_CAR_FIELDS = ("fname", "relative_im_path", "class", "test")  # the boxes are most of the file
_WITH_LABELS = "cars_test_annos_withlabels.mat"
_TEST_ANNOTATIONS = (_WITH_LABELS, f"devkit/{_WITH_LABELS}", "devkit/cars_test_annos.mat")


def read_birds(tree: Tree) -> Found:
    """The authors' split: 5,994 to train, 5,794 to test."""
    classes, rows = _birds(tree)
    splits: dict[str, list[tuple[str, int]]] = {"train": [], "test": []}
    for picture, label, is_train in rows:
        splits["train" if is_train else "test"].append((picture, label))
    return Found(classes, splits)


def read_birds_zeroshot(tree: Tree) -> Found:
    """The first half of the kinds to train, the other half to test: 5,864 and 5,924."""
    classes, rows = _birds(tree)
    half = len(classes) // 2
    train = [(picture, label) for picture, label, _ in rows if label < half]
    return Found(classes, {"train": train, "test": [(p, label) for p, label, _ in rows if label >= half]})


def _birds(tree: Tree) -> tuple[list[str], list[tuple[str, int, bool]]]:
    root = needed_root(tree, _CUB)
    classes = [name for _, name in read_rows(tree, root + "classes.txt", 2)]
    labels = dict(read_rows(tree, root + "image_class_labels.txt", 2))
    trains = dict(read_rows(tree, root + "train_test_split.txt", 2))
    rows = []
    for number, name in read_rows(tree, root + "images.txt", 2):
        label = whole(tree, "image_class_labels.txt", labels.get(number, ""), first=1, last=len(classes))
        rows.append((f"{root}images/{name}", label - 1, trains.get(number) == "1"))
    return classes, rows


def read_aircraft(tree: Tree) -> Found:
    """100 variants in the authors' three splits: 3,334, 3,333 and 3,333."""
    return _aircraft(tree, {"train": ("train",), "val": ("val",), "test": ("test",)})


def read_aircraft_trainval(tree: Tree) -> Found:
    """Train and validation together, as papers that print test accuracy use it: 6,667 and 3,333."""
    return _aircraft(tree, {"train": ("train", "val"), "test": ("test",)})


def read_aircraft_family(tree: Tree) -> Found:
    """The same pictures by 70 families, such as 'Boeing 737'."""
    return _aircraft(tree, {"train": ("train",), "val": ("val",), "test": ("test",)}, "family")


def read_aircraft_manufacturer(tree: Tree) -> Found:
    """The same pictures by manufacturers."""
    return _aircraft(tree, {"train": ("train",), "val": ("val",), "test": ("test",)}, "manufacturer")


def _aircraft(tree: Tree, parts: dict[str, tuple[str, ...]], level: str = "variant") -> Found:
    root = needed_root(tree, (_LEVELS[level], *(f"images_{level}_{part}.txt" for part in ("train", "val", "test"))))
    classes = [line.strip() for line in tree.text(root + _LEVELS[level]).splitlines() if line.strip()]
    numbers = {name: label for label, name in enumerate(classes)}
    splits: dict[str, list[tuple[str, int]]] = {}
    for split, lists in parts.items():
        rows = [row for part in lists for row in read_rows(tree, f"{root}images_{level}_{part}.txt", 2)]
        strange = {name for _, name in rows} - set(numbers)
        if strange:
            raise NotThere(f"{level} {min(strange)!r} in {_LEVELS[level]}")
        splits[split] = [(f"{root}images/{number}.jpg", numbers[name]) for number, name in rows]
    return Found(classes, splits)


def read_cars(tree: Tree) -> Found:
    """196 models in the authors' split: 8,144 to train, 8,041 to test."""
    root = tree.root_of("cars_annos.mat")
    if root is not None:
        return _cars_in_one_folder(tree, root)
    root = needed_root(tree, _TRAIN_ANNOTATIONS)
    labelled = next((name for place in _TEST_ANNOTATIONS if _has_labels(tree, name := root + place)), None)
    if labelled is None:
        raise NotThere(f"{_WITH_LABELS} (the devkit's own list of the test pictures has no labels)")
    classes = [str(name) for name in read_mat(tree, root + _TRAIN_ANNOTATIONS[0])["class_names"]]
    train = _annotated(tree, root + _TRAIN_ANNOTATIONS[1], len(classes))
    test = _annotated(tree, labelled, len(classes))
    return Found(
        classes,
        {
            "train": [(f"{root}cars_train/{row['fname']}", label) for row, label in train],
            "test": [(f"{root}cars_test/{row['fname']}", label) for row, label in test],
        },
    )


def read_cars_zeroshot(tree: Tree) -> Found:
    """The first half of the models to train, the other half to test: 8,054 and 8,131 pictures."""
    found = read_cars(tree)
    half = len(found.classes) // 2
    rows = [row for split in found.splits.values() for row in split]
    return Found(found.classes, {"train": [r for r in rows if r[1] < half], "test": [r for r in rows if r[1] >= half]})


def _cars_in_one_folder(tree: Tree, root: str) -> Found:
    name = root + "cars_annos.mat"
    classes = [str(one) for one in read_mat(tree, name)["class_names"]]
    splits: dict[str, list[tuple[str, int]]] = {"train": [], "test": []}
    for row, label in _annotated(tree, name, len(classes)):
        splits["test" if row["test"] else "train"].append((f"{root}{row['relative_im_path']}", label))
    return Found(classes, splits)


def _has_labels(tree: Tree, name: str) -> bool:
    found = read_mat(tree, name, fields=_CAR_FIELDS) if name in tree else {}
    return any("class" in row for row in found.get("annotations") or [])


def _annotated(tree: Tree, name: str, classes: int) -> list[tuple[dict[str, Any], int]]:
    rows = read_mat(tree, name, fields=_CAR_FIELDS).get("annotations") or []
    return [(row, whole(tree, name, str(row.get("class", "")), first=1, last=classes) - 1) for row in rows]


_CAR_ARCHIVES = ("cars_train.*", "cars_test.*", "car_devkit.*", "car_ims.*")
_CAR_MARKS = (_TRAIN_ANNOTATIONS, ("cars_annos.mat",), ("car_devkit.tgz",))

FINE_GRAINED = {
    "cub-200-2011": Published(
        read_birds, (_CUB, ("CUB_200_2011.tgz",)), ("cub_200_2011.*",), "Caltech-UCSD Birds, 200 kinds"
    ),
    "cub-200-2011-zeroshot": Published(
        read_birds_zeroshot,
        (_CUB,),
        ("cub_200_2011.*",),
        "Caltech-UCSD Birds, kinds 1-100 to train and 101-200 to test, for retrieval",
        is_recognised=False,
    ),
    "fgvc-aircraft": Published(
        read_aircraft,
        (_AIRCRAFT, tuple(f"data/{name}" for name in _AIRCRAFT), ("fgvc-aircraft-2013b.tar.gz",)),
        ("fgvc-aircraft-2013b.*",),
        "FGVC-Aircraft, 100 variants",
    ),
    "fgvc-aircraft-trainval": Published(
        read_aircraft_trainval,
        (_AIRCRAFT,),
        ("fgvc-aircraft-2013b.*",),
        "FGVC-Aircraft, 100 variants, train and val together",
        is_recognised=False,
    ),
    "fgvc-aircraft-family": Published(
        read_aircraft_family,
        (_AIRCRAFT,),
        ("fgvc-aircraft-2013b.*",),
        "FGVC-Aircraft, 70 families",
        is_recognised=False,
    ),
    "fgvc-aircraft-manufacturer": Published(
        read_aircraft_manufacturer,
        (_AIRCRAFT,),
        ("fgvc-aircraft-2013b.*",),
        "FGVC-Aircraft, by manufacturer",
        is_recognised=False,
    ),
    "stanford-cars": Published(read_cars, _CAR_MARKS, _CAR_ARCHIVES, "Stanford Cars, 196 models"),
    "stanford-cars-zeroshot": Published(
        read_cars_zeroshot,
        _CAR_MARKS,
        _CAR_ARCHIVES,
        "Stanford Cars, models 1-98 to train and 99-196 to test, for retrieval",
        is_recognised=False,
    ),
}
