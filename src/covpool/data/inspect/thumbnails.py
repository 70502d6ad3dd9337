"""Small pictures inside a JSON file or a page."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

from covpool.data.errors import CorruptImage
from covpool.data.images import ImageSet

SIDE = 112


def thumbnail(image: Image.Image, side: int = SIDE) -> str:
    """The picture, at most ``side`` pixels a side, as a ``data:`` address; tiny ones grow without smoothing."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    factor = side // max(small.size)
    if factor > 1:
        small = small.resize((small.width * factor, small.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def shown(split: str, images: ImageSet, index: int) -> dict[str, Any]:
    """A picture with what stands under it."""
    try:
        address = thumbnail(images.read(index))
    except CorruptImage:  # it was sound a moment ago
        address = ""
    name = images.classes[int(images.labels[index])]
    return {"split": split, "key": images.keys[index], "class": name, "thumbnail": address}
