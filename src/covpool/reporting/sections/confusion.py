"""What a confusion matrix says: shares for a picture of it, the pairs most confused, the classes that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

READABLE = 20


@dataclass(frozen=True)
class Square:
    """One cell of the picture: share of the true class, the count behind it, and the sentence on hover.

    ``link`` is the anchor of its pictures on the page, empty where none are shown.
    """

    share: float
    count: int
    title: str
    right: bool
    link: str = ""


@dataclass(frozen=True)
class Pair:
    """Two classes of which the first was taken for the second."""

    true: str
    predicted: str
    count: int
    share: float
    link: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Change:
    """A class and its share of right answers under two pools."""

    name: str
    before: float
    after: float


def squares(
    confusion: Sequence[Sequence[int]],
    classes: Sequence[str],
    *,
    origin: str = "",
    links: Mapping[tuple[str, str], str] | None = None,
) -> list[list[Square]]:
    """The matrix with every row divided by its sum.

    Args:
        origin: where the matrix stands, as ``file#/json/pointer``; said on hover.
        links: (true class, predicted class) -> anchor of their pictures.
    """
    links = links or {}
    return [
        [
            _square(classes[i], classes[j], n, sum(counts), f"{origin}/{i}/{j}" if origin else "", links)
            for j, n in enumerate(counts)
        ]
        for i, counts in enumerate(confusion)
    ]


def _square(true: str, predicted: str, n: int, total: int, origin: str, links: Mapping[tuple[str, str], str]) -> Square:
    right = true == predicted
    happened = f"{true} recognised" if right else f"{true} taken for {predicted}"
    said = f"{happened}: {n} of {total}" + (f"\n{origin}" if origin else "")
    link = "" if right else links.get((true, predicted), "")
    return Square(n / total if total else 0.0, n, said, right, link)


@dataclass(frozen=True)
class Confused:
    """Pictures of one class that were taken for another: (key, confidence, data URI or "") each."""

    anchor: str
    true: str
    predicted: str
    pictures: Sequence[tuple[str, float | None, str]]


def confused(
    mistakes: Sequence[Mapping[str, Any]], thumbnails: Mapping[str, str] | None = None, *, prefix: str = "confused"
) -> list[Confused]:
    """The mistakes of a result by their cell of the matrix, in their order.

    ``thumbnails`` are data URIs by key, for mistakes that do not bring a picture themselves.
    """
    cells: dict[tuple[str, str], list[tuple[str, float | None, str]]] = {}
    for one in mistakes:
        picture = str(one.get("picture") or (thumbnails or {}).get(one["key"], ""))
        shown = picture if picture.startswith("data:image/") else ""
        cells.setdefault((one["label"], one["predicted"]), []).append((one["key"], one.get("confidence"), shown))
    return [
        Confused(f"{prefix}-{number}", true, predicted, pictures)
        for number, ((true, predicted), pictures) in enumerate(cells.items(), 1)
    ]


def links_of(groups: Sequence[Confused]) -> dict[tuple[str, str], str]:
    """(true class, predicted class) -> anchor."""
    return {(group.true, group.predicted): group.anchor for group in groups}


def most_confused(
    confusion: Sequence[Sequence[int]],
    classes: Sequence[str],
    limit: int = 15,
    *,
    origin: str = "",
    links: Mapping[tuple[str, str], str] | None = None,
) -> list[Pair]:
    """The pairs of classes with the most wrong answers, most first; ``origin`` and ``links`` as in ``squares``.

    Example:
        >>> most_confused([[8, 2], [1, 9]], ["cat", "dog"], limit=1)
        [Pair(true='cat', predicted='dog', count=2, share=0.2, link='', origin='')]
    """
    links = links or {}
    pairs = [
        Pair(
            classes[i],
            classes[j],
            n,
            n / sum(counts),
            links.get((classes[i], classes[j]), ""),
            f"{origin}/{i}/{j}" if origin else "",
        )
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
