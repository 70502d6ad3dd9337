"""What a network makes of each class, and the confusion matrix, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch

from covpool.evaluation.accuracy import wilson_interval
from covpool.evaluation.writing.as_csv import as_csv
from covpool.evaluation.writing.whole_file import whole_file


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class. ``recall`` is the part of its pictures that were recognised, with Wilson's interval; ``precision``
    the part of the pictures given its name that bear it; ``taken_for`` the class it is most often mistaken for.

    None where there is nothing to divide by, or no mistake.
    """

    name: str
    pictures: int
    right: int
    recall: float | None
    low: float | None
    high: float | None
    named: int
    precision: float | None
    f1: float | None
    taken_for: str | None
    taken_for_pictures: int


def per_class_rows(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> list[ClassRow]:
    """A row a class from confusion counts (row = true class, column = answer), in the order of ``classes``.

    F1 is 2 right / (pictures + named), the harmonic mean of recall and precision.

    Example:
        >>> cat, dog = per_class_rows([[3, 1], [0, 2]], ["cat", "dog"])
        >>> cat.recall, cat.precision, cat.taken_for, dog.taken_for
        (0.75, 1.0, 'dog', None)
    """
    table = torch.as_tensor(counts, dtype=torch.int64).reshape(len(classes), len(classes))
    named = table.sum(dim=0).tolist()
    return [_row(name, index, table[index].tolist(), named[index], classes) for index, name in enumerate(classes)]


def _row(name: str, index: int, answers: list[int], named: int, classes: Sequence[str]) -> ClassRow:
    pictures, right = sum(answers), answers[index]
    wrong = [0 if other == index else count for other, count in enumerate(answers)]
    most = max(range(len(wrong)), key=wrong.__getitem__)
    low, high = wilson_interval(right / pictures, pictures) if pictures else (None, None)
    return ClassRow(
        name=name,
        pictures=pictures,
        right=right,
        recall=right / pictures if pictures else None,
        low=low,
        high=high,
        named=named,
        precision=right / named if named else None,
        f1=2 * right / (pictures + named) if pictures + named else None,
        taken_for=classes[most] if wrong[most] else None,
        taken_for_pictures=wrong[most],
    )


def write_per_class(path: str | Path, rows: Sequence[ClassRow]) -> None:
    """The rows as CSV; what is not known is an empty cell."""
    names = [field.name for field in fields(ClassRow)]
    _write_csv(path, [["class", *names[1:]], *([asdict(row)[name] for name in names] for row in rows)])


def write_confusion(path: str | Path, counts: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
    """The confusion counts as CSV: a line a true class, a column an answer, names on both sides."""
    lines = [[name, *row] for name, row in zip(classes, counts, strict=True)]
    _write_csv(path, [["class", *classes], *lines])


def _write_csv(path: str | Path, lines: Sequence[Sequence[object]]) -> None:
    with whole_file(path) as file:
        file.write(as_csv(lines))
