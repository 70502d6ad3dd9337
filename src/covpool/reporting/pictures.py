"""Thumbnails of pictures named in a result, read from one given folder and from nowhere else."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageOps

from covpool.reporting.drawing.heat import data_uri

MOST, SIDE = 120, 112
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_MOST_PIXELS = 40_000_000


def thumbnails(keys: Iterable[str], folder: str | Path | None, *, most: int = MOST) -> dict[str, str]:
    """Key -> data URI of a picture of at most 112 pixels a side, of the first ``most`` that can be read.

    ``keys`` are paths below ``folder``. A result is untrusted: a key that leads out of the folder, by dots, by an
    absolute path or by a link, and one that is no picture, has no thumbnail.
    """
    found: dict[str, str] = {}
    if folder is None:
        return found
    for key in dict.fromkeys(keys):
        if len(found) >= most:
            break
        path = inside(key, Path(folder))
        picture = None if path is None else _thumbnail(path)
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


def _thumbnail(path: Path) -> str | None:
    try:
        with warnings.catch_warnings(), Image.open(path, formats=_FORMATS) as image:
            warnings.simplefilter("ignore")
            if image.width * image.height > _MOST_PIXELS:
                return None
            image.draft("RGB", (SIDE, SIDE))
            upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((SIDE, SIDE))
            return data_uri(upright)
    except Exception:  # Pillow's plug-ins raise nearly anything on damaged bytes
        return None
