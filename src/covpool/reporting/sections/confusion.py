"""What a confusion matrix says: shares for a picture of it, the pairs most confused, the classes that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

READABLE = 20


@dataclass(frozen=True)
class Square:
    """One cell of the picture: share of the true class, the count behind it, and the sentence on hover."""

    share: float
    count: int
    title: str
    right: bool


@dataclass(frozen=True)
class Pair:
    """Two classes of which the first was taken for the second."""

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Change:
    """A class and its share of right answers under two pools."""

    name: str
    before: float
    after: float


def squares(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> list[list[Square]]:
    """The matrix with every row divided by its sum."""
    return [
        [_square(classes[i], classes[j], n, sum(counts)) for j, n in enumerate(counts)]
        for i, counts in enumerate(confusion)
    ]


def _square(true: str, predicted: str, n: int, total: int) -> Square:
    right = true == predicted
    happened = f"{true} recognised" if right else f"{true} taken for {predicted}"
    return Square(n / total if total else 0.0, n, f"{happened}: {n} of {total}", right)


def most_confused(confusion: Sequence[Sequence[int]], classes: Sequence[str], limit: int = 15) -> list[Pair]:
    """The pairs of classes with the most wrong answers, most first.

    Example:
        >>> most_confused([[8, 2], [1, 9]], ["cat", "dog"], limit=1)
        [Pair(true='cat', predicted='dog', count=2, share=0.2)]
    """
    pairs = [
        Pair(classes[i], classes[j], n, n / sum(counts))
        for i, counts in enumerate(confusion)
        for j, n in enumerate(counts)
        if i != j and n
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:limit]


def recalls(confusion: Sequence[Sequence[int]]) -> list[float | None]:
    """Share of each class that was recognised; None for a class without pictures."""
    return [counts[i] / sum(counts) if sum(counts) else None for i, counts in enumerate(confusion)]


def changes(
    before: Sequence[Sequence[int]], after: Sequence[Sequence[int]], classes: Sequence[str], limit: int = 5
) -> tuple[list[Change], list[Change]]:
    """The classes that gained most and those that lost most, at most ``limit`` of each."""
    both = zip(classes, recalls(before), recalls(after), strict=True)
    known = [Change(name, b, a) for name, b, a in both if b is not None and a is not None]
    rising = sorted(known, key=lambda c: c.before - c.after)
    gained = [c for c in rising if c.after > c.before][:limit]
    lost = [c for c in reversed(rising) if c.after < c.before][:limit]
    return gained, lost
