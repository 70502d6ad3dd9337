"""Folders of class folders as their authors release them: ImageNet-C, -A, -R, -Sketch, -V2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from covpool.data import BadSource, ImageSet
from covpool.data.corruptions import SEVERITIES, corruptions
from covpool.data.sources.folder import list_folder
from covpool.evaluation.robustness.records import Condition, Count, Records
from covpool.evaluation.robustness.subject import Progress, Subject, wrong_answers


def class_folders(root: str | Path) -> ImageSet:
    """All pictures below ``root``; the class of a picture is the name of the folder it lies in.

    Raises:
        BadSource: no such folder, no pictures, or pictures outside any folder.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise BadSource(str(root), [f"there is no folder {str(root)!r}"])
    listing, reader = list_folder(root)
    names = [file.rpartition("/")[0].rpartition("/")[2] for file in listing.files]
    if not names or not all(names):
        found = (
            "no pictures"
            if not names
            else f"pictures outside class folders, such as {listing.files[names.index('')]!r}"
        )
        raise BadSource(str(root), [f"{str(root)!r} holds {found}; a usable layout is {root.name}/n01440764/1.jpg"])
    classes = sorted(set(names))
    numbers = {name: label for label, name in enumerate(classes)}
    return ImageSet(classes, [numbers[name] for name in names], listing.files, reader, str(root))


def released_conditions(root: str | Path) -> dict[Condition, Path]:
    """Every ``<corruption>/<severity>`` of a released ImageNet-C, also one folder down (``noise/gaussian_noise/1``).

    Raises:
        BadSource: no such folder, or no corruption in it.
    """
    root = Path(root).expanduser()
    places = [root, *(sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else [])]
    found: dict[Condition, Path] = {}
    for name in corruptions:
        for severity in SEVERITIES:
            paths = (place / name / str(severity) for place in places)
            path = next((path for path in paths if path.is_dir()), None)
            if path is not None:
                found[Condition(name, severity)] = path
    if not found:
        raise BadSource(str(root), [f"{str(root)!r} holds no folder such as gaussian_noise/1; name the one that does"])
    return found


def judge_released(
    subject: Subject,
    folders: dict[Condition, Path],
    *,
    results: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[Records, Sequence[str]]:
    """Count wrong answers in every folder of ``released_conditions``; also the classes that were found.

    Args:
        results: as in ``judge_corrupted``; a finished folder is not judged again.
        progress: called with (folders judged, folders in all).
    """
    facts = {
        "network": subject.digest(),
        "released": {str(condition): str(path.resolve()) for condition, path in sorted(folders.items())},
        "preprocessing": subject.preprocessing.to_dict(),
    }
    records = Records(None if results is None else Path(results), facts)
    classes: Sequence[str] = ()
    for done, (condition, path) in enumerate(folders.items(), start=1):
        images = class_folders(path)
        classes = classes or images.classes
        if records.missing([condition], 0):
            records.add(condition, 0, judge_folder(subject, images)[0])
        if progress is not None:
            progress(done, len(folders))
    return records, classes


def judge_folder(subject: Subject, images: ImageSet) -> tuple[Count, int]:
    """Count wrong answers among the folder's classes, and the pictures that cannot be read."""
    given, skipped = subject.finished(images)
    wrong = wrong_answers(given.logits, given.labels, subject.columns(images.classes))
    return Count(len(given), wrong), skipped
