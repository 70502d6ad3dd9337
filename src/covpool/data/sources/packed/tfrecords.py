"""TFRecord files of ImageNet and of sets written the same way, with or without what a teacher said.

Features: image/encoded, image/class/label, and where they are image/class/synset, image/class/text, image/filename,
image/logit. Labels count from 1 (0 is TensorFlow's background) unless a 0 occurs; the logit of the
background is put last.
Source: build_imagenet_data.py of TensorFlow's models; image/logit: kd/ and functions/data_util.py of Assemble-ResNet.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import Names
from covpool.data.sources.layout import plural
from covpool.data.sources.splits import assembled, class_names, files_of, split_of
from covpool.formats import CorruptFile
from covpool.formats.tfrecord import Feature, Records, index_tfrecord, read_example

log = logging.getLogger("covpool")
_ENCODED, _LABEL, _LOGIT = "image/encoded", "image/class/label", "image/logit"
_SYNSET, _TEXT, _FILENAME = "image/class/synset", "image/class/text", "image/filename"
_MOST_LABELS = 1 << 20


@dataclass
class RecordsReader:
    """position -> bytes of a picture, its record checked against its CRC."""

    files: Sequence[Records]
    starts: np.ndarray
    first_label: int

    def _features(self, position: int, name: str) -> Feature:
        file = int(np.searchsorted(self.starts, position, side="right")) - 1
        span = self.files[file].checked(position - int(self.starts[file]))
        return read_example(span, [name]).get(name, [])

    def __call__(self, position: int) -> bytes:
        found = self._features(position, _ENCODED)
        return found[0] if len(found) == 1 and isinstance(found[0], bytes) else b""

    def teacher_logits(self, positions: np.ndarray) -> np.ndarray | None:
        """float32 (n, L), those of our classes first, then the background's; None where the records have none."""
        rows = [np.asarray(self._features(position, _LOGIT)) for position in positions.tolist()]
        if not rows or any(row.dtype != np.float32 or row.shape != rows[0].shape or not len(row) for row in rows):
            return None
        return np.roll(np.stack(rows), -self.first_label, axis=1)


@dataclass
class _Split:
    """What was found out about a split while its records were listed."""

    files: list[Records] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)


def is_tfrecord(path: Path) -> bool:
    """Whether a file or a folder of files is called as TFRecords are."""
    return bool(tfrecord_files(path))


def tfrecord_files(path: Path) -> list[Path]:
    """The files in order: ``train-00000-of-01024``, ``*.tfrecord``, ``*.tfrecords``."""
    files = [path] if path.is_file() else files_of(path) if path.is_dir() else []
    return [file for file in files if re.search(r"-\d{3,}-of-\d{3,}$|\.tfrecords?$", file.name)]


def open_tfrecords(place: Path, files: Sequence[Path], on_damage: str = "skip") -> ImageSource:
    """One set a split; a file belongs to the split that its name starts with.

    Args:
        place: the folder, for messages and where ``classes.txt`` may lie.
        files: as :func:`tfrecord_files` gives them.
        on_damage: 'skip' names what is damaged in the log and goes on without it, 'stop' raises.

    Raises:
        CorruptFile: a damaged file, where ``on_damage`` is 'stop'.
        BadSource: nothing is left.
    """
    splits: dict[str, _Split] = {}
    for file in files:
        split = splits.setdefault(split_of(file.as_posix()), _Split())
        try:
            damage = _list(file, split)
        except CorruptFile as error:
            if on_damage == "stop":
                raise
            damage = str(error)
        if damage and on_damage == "stop":
            raise CorruptFile(str(file), damage.partition(": ")[2])
        if damage:
            log.warning("left out a damaged part: %s", damage)
    return _source(str(place), {name: split for name, split in splits.items() if split.labels})


def _list(file: Path, split: _Split) -> str:
    """Note the records of a file in its split; what is damaged in it, or ''."""
    places, damage = index_tfrecord(file)
    records, sound = Records(str(file.resolve()), places), []
    bad = 0
    for position in range(len(records)):
        try:
            found = read_example(records.span(position), (_LABEL, _SYNSET, _TEXT, _FILENAME))
            label = _label(found, str(file))
        except CorruptFile as error:
            damage, bad = damage or str(error), bad + 1
            continue
        sound.append(position)
        split.labels.append(label)
        split.keys.append(_word(found, _FILENAME) or f"{file.name}/{position:05d}")
        if label not in split.names:
            split.names[label] = _word(found, _SYNSET) or _word(found, _TEXT)
    split.files.append(Records(records.path, places[sound]))
    return f"{damage} ({plural(bad, 'record')} left out)" if bad else damage


def _label(found: dict[str, Any], file: str) -> int:
    values = found.get(_LABEL)
    if not isinstance(values, np.ndarray) or values.dtype != np.int64 or len(values) != 1:
        raise CorruptFile(file, f"a record has no whole number {_LABEL!r}; it is no set for classification")
    if not 0 <= values[0] < _MOST_LABELS:
        raise CorruptFile(file, f"a record has the label {values[0]}; it is damaged")
    return int(values[0])


def _word(found: dict[str, Any], name: str) -> str:
    values = found.get(name, [])
    return values[0].decode("utf-8", "replace") if len(values) == 1 and isinstance(values[0], bytes) else ""


def _source(place: str, splits: dict[str, _Split]) -> ImageSource:
    if not splits:
        raise BadSource(place, [f"{place!r} has no sound record; copy the files again"])
    first = 0 if any(0 in split.names for split in splits.values()) else 1
    most = max(max(split.names) for split in splits.values())
    known = {label - first: name for split in splits.values() for label, name in split.names.items()}
    classes = class_names(Path(place), most + 1 - first, known, first)
    sets = {}
    for name, split in splits.items():
        starts = np.cumsum([0, *map(len, split.files)])
        reader = RecordsReader(split.files, starts, first)
        sets[name] = ImageSet(classes, np.array(split.labels) - first, Names(split.keys), reader, place)
    return assembled(place, Path(place).name, sets, classes, f"{place}, TFRecords")
