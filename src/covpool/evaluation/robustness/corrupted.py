"""Judge a network on pictures that are corrupted as they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covpool.data import ImageSet, Preprocessing
from covpool.data.corruptions import SEVERITIES, STANDARD, corruptions
from covpool.data.transforms.evaluation import eval_geometry
from covpool.evaluation.robustness.pictures import PART_BYTES, Shown, parts_of, shown_by
from covpool.evaluation.robustness.records import CLEAN, Condition, Count, Records
from covpool.evaluation.robustness.saving import ReleasedLayout
from covpool.evaluation.robustness.subject import Progress, Subject, wrong_answers

RELEASED_QUALITY = 85  # of the JPEGs of ImageNet-C


def conditions_of(names: Sequence[str] = STANDARD, severities: Sequence[int] = SEVERITIES) -> list[Condition]:
    """Every corruption at every severity.

    Raises:
        UnknownName: no such corruption.
    """
    return [Condition(corruptions.resolve(name), severity) for name in names for severity in severities]


def judge_corrupted(
    subject: Subject,
    images: ImageSet,
    conditions: Sequence[Condition],
    *,
    seed: int = 0,
    jpeg: int = RELEASED_QUALITY,
    results: str | Path | None = None,
    save: str | Path | None = None,
    memory: int = PART_BYTES,
    progress: Progress | None = None,
) -> Records:
    """Count wrong answers on the clean pictures (``CLEAN``) and under every condition.

    A picture is decoded, resized and cut once, then corrupted in every way. The counts are the same for any number of
    workers, any batch size (but for the network's own rounding), and after any interruption.

    Args:
        seed: of the corruptions; another one is another draw.
        jpeg: quality of the JPEG that a corrupted picture goes through before it is judged, as those of the released
            set did; 0 for none.
        results: folder of counts: what is in it is not judged again.
        save: write the corrupted pictures there, in the layout of the released set.
        memory: bytes of clean squares kept at a time, over all workers. What was judged of that many pictures under one
            condition is what an interruption can cost.
        progress: called with (pictures judged, pictures in all).

    Raises:
        CorruptImage: a picture that cannot be read, unless the subject skips such.
        ValueError: ``results`` holds something else; classes that are not the network's.
    """
    layout = None if save is None else ReleasedLayout(Path(save), images, jpeg)
    parts = parts_of(len(images), subject.preprocessing.image_size, memory)
    facts = {**_facts(subject, images), "parts": len(parts), "seed": seed, "jpeg": jpeg, "save": _absolute(save)}
    records = Records(None if results is None else Path(results), facts)
    todo = {part: records.missing([CLEAN, *conditions], part) for part in range(len(parts))}
    shown = Shown(
        images,
        subject.geometry,
        parts,
        todo,
        subject.batch_size,
        seed=seed,
        jpeg=jpeg,
        stop_at_broken=not subject.skip_broken,
        layout=layout,
    )
    _count(subject, shown, records, progress)
    return records


def _count(subject: Subject, shown: Shown, records: Records, progress: Progress | None) -> None:
    total = sum(len(shown.parts[part]) * len(conditions) for part, conditions in shown.todo.items())
    done = 0
    counts = {(part, condition): Count(0, 0) for part, missing in shown.todo.items() for condition in missing}
    broken = dict.fromkeys(shown.todo, 0)
    columns = subject.columns(shown.images.classes)
    for piece in shown_by(shown, subject.workers):
        if piece.broken:
            if shown.stop_at_broken:
                raise piece.broken[0]
            broken[piece.part] += len(piece.broken)
            continue
        here = (piece.part, piece.condition)
        wrong = wrong_answers(subject.logits(piece.pixels), piece.labels, columns)
        counts[here] = Count(counts[here].images + len(piece.labels), counts[here].wrong + wrong)
        if counts[here].images + broken[piece.part] == len(shown.parts[piece.part]):
            records.add(piece.condition, piece.part, counts.pop(here))
        done += len(piece.labels)
        if progress is not None:
            progress(done, total)
    for (part, condition), count in counts.items():  # parts without a single readable picture
        records.add(condition, part, count)


def _facts(subject: Subject, images: ImageSet) -> dict[str, Any]:
    """What counts depend on, in short."""
    return {
        "network": subject.digest(),
        "pictures": digest_of_pictures(images),
        "preprocessing": subject.preprocessing.to_dict(),
        "precision": subject.precision,
    }


def _absolute(path: str | Path | None) -> str | None:
    return None if path is None else str(Path(path).resolve())


def digest_of_pictures(images: ImageSet) -> str:
    """Of the keys and labels of a set, which decide what is made of it and what counts as right."""
    digest = hashlib.sha256()
    for key, label in zip(images.keys, images.labels.tolist(), strict=True):
        digest.update(f"{key}\0{label}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def save_corrupted(
    images: ImageSet,
    preprocessing: Preprocessing,
    folder: str | Path,
    conditions: Sequence[Condition],
    *,
    seed: int = 0,
    jpeg: int = RELEASED_QUALITY,
    workers: int = 0,
) -> None:
    """Write ``folder/<corruption>/<severity>/<class>/<file>``, the layout of the released set, without a network.

    The pictures are those that ``judge_corrupted`` judges; arguments as there.
    """
    parts = parts_of(len(images), preprocessing.image_size)
    todo = dict.fromkeys(range(len(parts)), conditions)
    layout = ReleasedLayout(Path(folder), images, jpeg)
    geometry = eval_geometry(preprocessing)
    shown = Shown(images, geometry, parts, todo, batch_size=16, seed=seed, jpeg=jpeg, layout=layout)
    for piece in shown_by(shown, workers):
        if piece.broken:
            raise piece.broken[0]
