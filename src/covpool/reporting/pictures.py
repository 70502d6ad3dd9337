"""Thumbnails of pictures named in a result, read from one given place and from nowhere else."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from PIL import Image, ImageOps

from covpool.reporting.drawing.heat import data_uri

MOST, SIDE = 120, 112
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_MOST_PIXELS = 40_000_000

Pictures = Callable[[str], "bytes | Image.Image | None"]  # key -> the bytes of a picture file, or a picture


def thumbnails(keys: Iterable[str], place: str | Path | Pictures | None, *, most: int = MOST) -> dict[str, str]:
    """Key -> data URI of a picture of at most 112 pixels a side, of the first ``most`` that can be read.

    ``keys`` are paths below the folder ``place``, or names that the function ``place`` knows: that of an archive, say.
    A result is untrusted: a key that leads out of the folder, by dots, by an absolute path or by a link, and one that
    is no picture, has no thumbnail.
    """
    found: dict[str, str] = {}
    if place is None:
        return found
    for key in dict.fromkeys(keys):
        if len(found) >= most:
            break
        content = place(key) if callable(place) else inside(key, Path(place))
        picture = None if content is None else _thumbnail(content)
        if picture is not None:
            found[key] = picture
    return found


def inside(key: str, folder: Path) -> Path | None:
    """The file of a key, if it is one and truly lies in the folder.

    Example:
        >>> inside("../secret.png", Path("."))
    """
    with suppress(OSError, ValueError):  # ValueError: a null byte
        top, path = folder.resolve(), (folder / key).resolve()
        if path.is_relative_to(top) and path.is_file():
            return path
    return None


def _thumbnail(content: Path | bytes | Image.Image) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(content, Image.Image):
                return _small(content)
            file: Path | IO[bytes] = io.BytesIO(content) if isinstance(content, bytes) else content
            with Image.open(file, formats=_FORMATS) as image:
                return _small(image)
    except Exception:  # Pillow's plug-ins raise nearly anything on damaged bytes
        return None


def _small(image: Image.Image) -> str | None:
    if image.width * image.height > _MOST_PIXELS:
        return None
    image.draft("RGB", (SIDE, SIDE))
    upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((SIDE, SIDE))
    return data_uri(upright)
