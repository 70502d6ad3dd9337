"""One file of a prepared set: a tar of WebDataset, a TFRecord, or a piece of the mapped pixels."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from covpool.data.errors import CorruptImage
from covpool.data.images import ImageSet
from covpool.data.prepare.parallel import Tick
from covpool.data.prepare.picture import Encoded, Encoding, square
from covpool.data.prepare.plan import Part, Plan
from covpool.data.sources.shards.hashes import sha256_of
from covpool.data.sources.shards.logits import bytes_of
from covpool.data.sources.shards.samples import LOGITS
from covpool.formats.tfrecord import write_example, write_record

Record = dict[str, Any]


@dataclass
class PartWriter:
    """Part -> its file in ``folder`` and beside it ``<name>.json``, the record that says it is complete.

    Both are written under another name, forced to the disk and renamed, the record last: after a kill at any moment a
    part has a record and is whole, or it is made again.
    """

    plan: Plan
    folder: Path
    skip_bad: bool

    def __call__(self, part: Part, tick: Tick) -> Record:
        """Write one part.

        Raises:
            CorruptImage: a picture that cannot be read, unless such are skipped.
        """
        record: Record = {"file": part.name, "split": part.split, "pictures": 0, "skipped": [], "changed": {}}
        unfinished = self.folder / f".{part.name}.{os.getpid()}.tmp"
        try:
            with unfinished.open("wb") as file:
                write = {"shards": self._write_tar, "tfrecord": self._write_records, "pixels": self._write_pixels}
                write[self.plan.format](file, part, record, tick)
                _to_disk(file)
            record["bytes"] = unfinished.stat().st_size
            record["sha256"] = sha256_of(unfinished)
            os.replace(unfinished, self.folder / part.name)
        finally:
            unfinished.unlink(missing_ok=True)
        write_whole(self.folder / f"{part.name}.json", json.dumps(record))
        return record

    def _sound(self, part: Part, record: Record, tick: Tick, make: Any) -> Iterator[tuple[int, int, Any]]:
        """(number in the split, position in the set, what ``make`` made of it) for each picture that can be read."""
        images = self.plan.sets[part.split]
        for place, position in enumerate(part.positions.tolist()):
            tick(1)
            try:
                made = make(images, position)
            except CorruptImage as error:
                if not self.skip_bad:
                    raise
                record["skipped"].append([error.key, error.reason])
                continue
            record["pictures"] += 1
            yield part.first + place, position, made

    def _encoded(self, part: Part, record: Record, tick: Tick) -> Iterator[tuple[int, int, Encoded]]:
        encoding = Encoding(self.plan.size, self.plan.quality)
        for number, position, made in self._sound(part, record, tick, encoding):
            if made.changed:
                record["changed"][made.changed] = record["changed"].get(made.changed, 0) + 1
            yield number, position, made

    def _write_tar(self, file: BinaryIO, part: Part, record: Record, tick: Tick) -> None:
        images = self.plan.sets[part.split]
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for number, position, made in self._encoded(part, record, tick):
                label = int(images.labels[position])
                about = {"key": images.keys[position], "label": label, "class": self.plan.classes[label]}
                name = f"{number:09d}"
                _add(tar, f"{name}.{made.extension}", made.data)
                _add(tar, f"{name}.cls", str(label).encode())
                _add(tar, f"{name}.json", json.dumps(about).encode())
                logits = images.teacher_logits([position])
                if logits is not None:
                    _add(tar, f"{name}.{LOGITS}", bytes_of(logits[0]))

    def _write_records(self, file: BinaryIO, part: Part, record: Record, tick: Tick) -> None:
        images = self.plan.sets[part.split]
        for _, position, made in self._encoded(part, record, tick):
            write_record(file, write_example(self._features(images, position, made)))

    def _features(self, images: ImageSet, position: int, made: Encoded) -> dict[str, Any]:
        """Names and meanings of build_imagenet_data.py of TensorFlow's models; label and logit 0 are the background."""
        label = int(images.labels[position])
        logits = images.teacher_logits([position])
        return {
            "image/encoded": made.data,
            "image/format": "JPEG" if made.extension == "jpg" else "PNG",
            "image/height": made.height,
            "image/width": made.width,
            "image/channels": 3,
            "image/colorspace": "RGB",
            "image/filename": images.keys[position],
            "image/class/label": label + 1,
            "image/class/text": self.plan.classes[label],
            **({} if logits is None else {"image/logit": _with_background(logits[0], len(images.classes))}),
        }

    def _write_pixels(self, file: BinaryIO, part: Part, record: Record, tick: Tick) -> None:
        size = self.plan.size or 0

        def make(images: Any, position: int) -> np.ndarray:
            return np.asarray(square(images.read(position), size))

        made = list(self._sound(part, record, tick, make))
        pixels = np.stack([m for _, _, m in made]) if made else np.zeros((0, size, size, 3), np.uint8)
        labels = self.plan.sets[part.split].labels[[position for _, position, _ in made]]
        record["labels"] = labels.tolist()
        np.save(file, pixels)


def _with_background(logits: np.ndarray, classes: int) -> np.ndarray:
    """The background's logit in front: the teacher's own, which comes after the classes, or 0 as the release has it."""
    return np.roll(logits, 1) if len(logits) > classes else np.append(np.float32(0), logits)


def write_whole(path: Path, text: str) -> None:
    """A file that is there in full or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("wb") as file:
        file.write(text.encode())
        _to_disk(file)
    os.replace(beside, path)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # no time, no owner: the same pictures give the same bytes
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
