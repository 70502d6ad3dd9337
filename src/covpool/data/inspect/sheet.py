"""A sheet of pictures beside those that were found for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from covpool.data.decode import decode
from covpool.data.errors import CorruptImage
from covpool.data.images import ImageSet

_SIDE, _GAP = 128, 6
_PAPER, _EMPTY = (255, 255, 255), (225, 225, 225)


def found_sheet(rows: Sequence[tuple[Path, Sequence[str]]], sets: Sequence[ImageSet]) -> tuple[Image.Image, list[str]]:
    """A row for each (file, keys): the file's picture, then the pictures of ``sets`` that have these keys.

    A key is compared with the keys of the sets and never taken for a path: what is not in a set stays empty.

    Returns:
        The sheet, and the keys that are in no set.
    """
    wanted = {key for _, keys in rows for key in keys}
    places = {key: (images, i) for images in sets for i, key in enumerate(images.keys) if key in wanted}
    columns = 1 + max((len(keys) for _, keys in rows), default=0)
    step = _SIDE + _GAP
    sheet = Image.new("RGB", (columns * step + 2 * _GAP, len(rows) * step + _GAP), _PAPER)
    for down, (file, keys) in enumerate(rows):
        cells = [_query(file), *(_stored(places.get(key)) for key in keys)]
        for across, cell in enumerate(cells):
            left, top = _GAP + across * step + (_GAP if across else 0), _GAP + down * step
            sheet.paste(cell, (left + (_SIDE - cell.width) // 2, top + (_SIDE - cell.height) // 2))
    return sheet, sorted(wanted - set(places))


def _query(file: Path) -> Image.Image:
    try:
        return _fitted(decode(file.read_bytes(), str(file)))
    except (OSError, CorruptImage):
        return _blank()


def _stored(place: tuple[ImageSet, int] | None) -> Image.Image:
    if place is None:
        return _blank()
    images, index = place
    try:
        return _fitted(images.read(index))
    except CorruptImage:
        return _blank()


def _fitted(image: Image.Image) -> Image.Image:
    ratio = _SIDE / max(image.size)
    width, height = (max(1, round(length * ratio)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC if ratio < 1 else Image.Resampling.NEAREST)


def _blank() -> Image.Image:
    cell = Image.new("RGB", (_SIDE, _SIDE), _EMPTY)
    ImageDraw.Draw(cell).line([(0, 0), (_SIDE, _SIDE)], fill=_PAPER, width=2)
    return cell
