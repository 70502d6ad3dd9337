"""Published sets that torchvision knows how to fetch, opened as our sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from torchvision import datasets

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.sources.arrays import array_set
from covpool.data.sources.folder import FileReader


@dataclass(frozen=True)
class TorchvisionSet:
    """How one class of torchvision is asked for its splits and where it keeps its index."""

    build: Callable[..., Any]
    splits: Mapping[str, Mapping[str, Any]]  # our split -> arguments of the class
    summary: str
    labels: Callable[[Any], Any] = attrgetter("_labels")
    files: Callable[[Any], Any] | None = attrgetter("_image_files")  # None: pixels in .data
    downloadable: bool = True


def _train_test(**both: Any) -> dict[str, dict[str, Any]]:
    return {"train": {"split": "train", **both}, "test": {"split": "test", **both}}


def _three() -> dict[str, dict[str, Any]]:
    return {split: {"split": split} for split in ("train", "val", "test")}


_CIFAR = {"train": {"train": True}, "test": {"train": False}}
_PLACES = {"train": {"split": "train-standard", "small": True}, "val": {"split": "val", "small": True}}
_PETS = {"train": {"split": "trainval"}, "test": {"split": "test"}}

torchvision_sets: dict[str, TorchvisionSet] = {
    "cifar10": TorchvisionSet(datasets.CIFAR10, _CIFAR, "CIFAR-10, 32 px, 10 classes", attrgetter("targets"), None),
    "cifar100": TorchvisionSet(datasets.CIFAR100, _CIFAR, "CIFAR-100, 32 px, 100 classes", attrgetter("targets"), None),
    "flowers102": TorchvisionSet(datasets.Flowers102, _three(), "Oxford Flowers, 102 kinds"),
    "dtd": TorchvisionSet(datasets.DTD, _three(), "Describable Textures, 47 classes, partition 1"),
    "fgvc-aircraft": TorchvisionSet(datasets.FGVCAircraft, _three(), "FGVC-Aircraft, 100 variants"),
    "stanford-cars": TorchvisionSet(
        datasets.StanfordCars,
        _train_test(),
        "Stanford Cars, 196 models",
        labels=lambda index: [label for _, label in index._samples],
        files=lambda index: [path for path, _ in index._samples],
        downloadable=False,
    ),
    "food101": TorchvisionSet(datasets.Food101, _train_test(), "Food-101, 101 dishes"),
    "oxford-pets": TorchvisionSet(
        datasets.OxfordIIITPet, _PETS, "Oxford-IIIT Pets, 37 breeds", files=attrgetter("_images")
    ),
    "places365": TorchvisionSet(
        datasets.Places365,
        _PLACES,
        "Places365-Standard at 256 px, 365 scenes",
        labels=attrgetter("targets"),
        files=lambda index: [path for path, _ in index.imgs],
    ),
}


def open_torchvision(name: str, entry: TorchvisionSet, cache: Path, download: bool) -> ImageSource:
    """Open the set below ``cache/name``; fetched by torchvision only if absent and ``download`` is true.

    Raises:
        BadSource: the files are absent and were not to be, or cannot be, downloaded.
    """
    folder = cache / name
    sets = {split: _open_split(name, split, entry, folder, download) for split in entry.splits}
    classes = next(iter(sets.values())).classes
    return ImageSource(name, sets.get("train"), sets.get("val"), sets.get("test"), classes, entry.summary)


def _open_split(name: str, split: str, entry: TorchvisionSet, folder: Path, download: bool) -> ImageSet:
    index = _index(name, entry, entry.splits[split], folder, download)
    classes, labels = [str(label) for label in index.classes], entry.labels(index)
    if entry.files is None:
        return array_set(name, index.data, labels, classes, f"{name}/{split}")
    paths = [Path(path) for path in entry.files(index)]
    keys = [f"{split}/{path.relative_to(folder).as_posix()}" for path in paths]
    return ImageSet(classes, labels, keys, FileReader([str(path) for path in paths]), str(folder))


def _index(name: str, entry: TorchvisionSet, arguments: Mapping[str, Any], folder: Path, download: bool) -> Any:
    try:
        return entry.build(folder, **arguments, download=False)
    except (RuntimeError, OSError) as error:
        if not (download and entry.downloadable):
            raise BadSource(name, [_absent(name, entry, folder)]) from error
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return entry.build(folder, **arguments, download=True)
    except (RuntimeError, OSError) as error:
        sentence = f"downloading {name!r} to {str(folder)!r} failed ({error}); check the connection and try again"
        raise BadSource(name, [sentence]) from error


def _absent(name: str, entry: TorchvisionSet, folder: Path) -> str:
    if entry.downloadable:
        return f"{name!r} is not in {str(folder)!r}; allow the download (--download, or download=True)"
    return (
        f"{name!r} is not in {str(folder)!r}, and its publisher's download is gone; get the archives elsewhere and "
        f"unpack them there as torchvision.datasets.{entry.build.__name__} describes"
    )
