"""A set of labelled pictures, and a source that offers up to three of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from covpool.data.decode import decode
from covpool.data.errors import CorruptImage
from covpool.data.names import Names
from covpool.formats import CorruptFile

Reader = Callable[[int], "bytes | Image.Image"]


class ImageSet(Dataset):
    """Labelled pictures that are read one by one.

    ``classes`` names the labels, ``labels`` (int64) and ``keys`` (a name for people, such as
    'train/cat/1.jpg') have one entry a picture.

    Args:
        classes: name of label 0, 1, ...
        labels: label of each picture.
        keys: name of each picture, used in messages and reports.
        reader: position -> bytes of a picture file (decoded here), or an RGB picture. One with a method ``planes``
            (positions -> uint8 (n, 3, H, W)) also gives whole batches, and one with ``teacher_logits``
            (positions -> float32 (n, L)) what a teacher said. One with ``window`` and ``shards`` asks for an order of
            its own (``windows``), and one with ``ahead`` for word of what is read next.
        place: the folder or archive, for messages.
    """

    def __init__(
        self, classes: Sequence[str], labels: Any, keys: Sequence[str], reader: Reader, place: str = ""
    ) -> None:
        self.classes = list(classes)
        self.labels = np.asarray(labels, dtype=np.int64)
        self.keys = keys if isinstance(keys, Names) else Names(keys)
        self.place = place
        self.transform: Callable[[Image.Image], Any] | None = None
        self._reader = reader
        self._said: np.ndarray | None = None
        self._rows = np.arange(len(self.keys))
        if len(self.labels) != len(self.keys):
            raise ValueError(f"needed one label a picture; got {len(self.labels)} for {len(self.keys)} pictures")

    def __len__(self) -> int:
        return len(self.keys)

    def content(self, index: int) -> bytes | Image.Image:
        """What is stored at ``index``: the bytes of a picture file, or a picture; CorruptImage where nothing is."""
        try:
            return self._reader(int(self._rows[index]))
        except OSError as error:
            reason = f"it cannot be opened ({error.strerror or error})"
            raise CorruptImage(self.keys[index], reason, self.place) from error
        except CorruptFile as error:  # the file around it, where the picture lies
            raise CorruptImage(self.keys[index], str(error), self.place) from error

    def read(self, index: int, draft: int | None = None) -> Image.Image:
        """The picture at ``index``, upright and RGB; ``draft`` as in ``decode``. CorruptImage if unreadable."""
        content = self.content(index)
        return decode(content, self.keys[index], self.place, draft) if isinstance(content, bytes) else content

    def windows(self) -> tuple[np.ndarray, int] | None:
        """The shard of each picture, and how many shards are shuffled together; None where all are."""
        window = getattr(self._reader, "window", None)
        return None if window is None else (getattr(self._reader, "shards")[self._rows], window)  # noqa: B009

    def ahead(self, batches: Iterable[np.ndarray]) -> AbstractContextManager[Any] | None:
        """What fetches the pictures of these batches before their time, while it is entered; None: all are here.

        It hears ``reached(number)`` of the batch that comes next.
        """
        ahead = getattr(self._reader, "ahead", None)
        return None if ahead is None else ahead(self._rows[indices] for indices in batches)

    def planes(self, indices: np.ndarray) -> np.ndarray | None:
        """Pictures of one size as uint8 (n, 3, H, W), where the source holds them so; None elsewhere."""
        planes = getattr(self._reader, "planes", None)
        return None if planes is None else planes(self._rows[indices])

    def teacher_logits(self, indices: Sequence[int] | np.ndarray) -> np.ndarray | None:
        """What a teacher said of these pictures, float32 (n, L), where the source holds it; None elsewhere.

        One logit a class; those beyond the classes (the background of TensorFlow's teachers) come last.
        """
        wanted = np.asarray(indices, np.int64)
        if self._said is not None:
            return np.asarray(self._said[wanted], np.float32)
        logits = getattr(self._reader, "teacher_logits", None)
        return None if logits is None else logits(self._rows[wanted])

    def with_teacher_logits(self, logits: Any) -> ImageSet:
        """The same pictures with what a teacher said of each: (n, L), in their order, L at least the classes.

        Raises:
            ValueError: another number of rows, or fewer logits than classes.
        """
        said = np.asanyarray(logits)
        if said.ndim != 2 or len(said) != len(self) or said.shape[1] < len(self.classes):
            wanted = f"{len(self)} rows of at least {len(self.classes)} numbers"
            raise ValueError(f"the logits of a teacher need {wanted}, one row a picture; got the shape {said.shape}")
        view = copy.copy(self)
        view._said = said
        return view

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = self.read(index)
        return (image if self.transform is None else self.transform(image)), int(self.labels[index])

    def with_transform(self, transform: Callable[[Image.Image], Any] | None) -> ImageSet:
        """The same pictures, passed through ``transform`` when indexed."""
        view = copy.copy(self)
        view.transform = transform
        return view

    def subset(self, indices: Sequence[int] | np.ndarray) -> ImageSet:
        """The pictures at ``indices``, in that order, with the same classes."""
        chosen = np.asarray(indices, dtype=np.int64)
        view = copy.copy(self)
        view.labels, view._rows = self.labels[chosen], self._rows[chosen]
        view.keys = self.keys.take(chosen)
        view._said = None if self._said is None else self._said[chosen]
        return view

    def __repr__(self) -> str:
        where = f" of {self.place!r}" if self.place else ""
        return f"{type(self).__name__}({len(self)} pictures{where}, {len(self.classes)} classes)"


@dataclass(frozen=True)
class ImageSource:
    """What ``open_images`` found: up to three sets with the same classes, and a sentence about them."""

    name: str
    train: ImageSet | None
    val: ImageSet | None
    test: ImageSet | None
    classes: list[str]
    description: str

    def own_splits(self) -> dict[str, ImageSet]:
        """The sets that are there, by name; a test split that serves as val is there once, as test."""
        val = None if self.val is self.test else self.val
        sets = {"train": self.train, "val": val, "test": self.test}
        return {split: images for split, images in sets.items() if images is not None}


def stratified_split(labels: np.ndarray, fraction: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Indices of two parts, the second with ``fraction`` of every class, at least 1 and not all.

    A pure function of its arguments; what happens to one class does not depend on the others.

    Raises:
        ValueError: a class has a single picture, or ``fraction`` is not between 0 and 1.

    Example:
        >>> kept, held_out = stratified_split(np.array([0, 0, 0, 1, 1, 1]), 1 / 3)
        >>> len(kept), len(held_out)
        (4, 2)
    """
    if not 0 < fraction < 1:
        raise ValueError(f"a split needs a fraction between 0 and 1; got {fraction}")
    held_out = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise ValueError(f"a split needs at least 2 pictures a class; label {label} has {len(members)}")
        count = min(max(1, round(len(members) * fraction)), len(members) - 1)
        shuffled = np.random.default_rng((seed, int(label))).permutation(members)
        held_out.append(shuffled[:count])
    second = np.sort(np.concatenate(held_out)) if held_out else np.zeros(0, np.int64)
    return np.setdiff1d(np.arange(len(labels)), second), second
