"""Maps of signed numbers over a picture: what adds is warm, what takes away is cold, what does neither is clear."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

WARM, COLD = (224, 64, 26), (29, 98, 214)
_OPAQUE = 0.82  # of the strongest position
_BEND = 0.75  # weaker positions are shown a little stronger than they are
_GREY = 0.75  # of the colour of the picture under a map
_LARGEST = 448  # side of an embedded picture

Rows = Sequence[Sequence[float]]


def strongest(rows: Rows) -> float:
    """The largest absolute number, 0 for a map of zeros."""
    return max((abs(value) for row in rows for value in row), default=0.0)


def heat(rows: Rows, scale: float | None = None) -> Image.Image:
    """A pixel a position: colour says the sign, opacity the size against ``scale`` (default: the strongest).

    Example:
        >>> heat([[1.0, -0.5], [0.0, 0.25]]).getpixel((0, 0))
        (224, 64, 26, 209)
    """
    values = np.asarray(rows, dtype=np.float64)
    top = strongest(rows) if scale is None else scale
    share = np.clip(np.abs(values) / top, 0, 1) ** _BEND if top > 0 else np.zeros_like(values)
    pixels = np.zeros((*values.shape, 4), dtype=np.uint8)
    pixels[..., :3] = np.where(values[..., None] >= 0, WARM, COLD)
    pixels[..., 3] = np.round(255 * _OPAQUE * share)
    return Image.fromarray(pixels)


def overlay(picture: Image.Image, rows: Rows, *, size: int = 320, smooth: bool = True) -> Image.Image:
    """The picture, nearly grey, under its map; ``smooth`` blends neighbours, else each position is a block."""
    below = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    grey = below.convert("L").convert("RGB")
    muted = Image.blend(below, grey, _GREY).convert("RGBA")
    way = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return Image.alpha_composite(muted, _premultiplied(heat(rows), size, way)).convert("RGB")


def _premultiplied(map: Image.Image, size: int, way: Image.Resampling) -> Image.Image:
    """Enlarge colour and opacity together, so that a clear neighbour lends no colour."""
    return map.convert("RGBa").resize((size, size), way).convert("RGBA")


def data_uri(image: Image.Image, *, largest: int = _LARGEST) -> str:
    """A picture for a page: JPEG, or PNG where it is small or has clear parts."""
    if max(image.size) > largest:
        image = image.copy()
        image.thumbnail((largest, largest))
    kind = "PNG" if image.mode == "RGBA" or max(image.size) <= 64 else "JPEG"
    out = io.BytesIO()
    image.save(out, kind, **({"quality": 88} if kind == "JPEG" else {"optimize": True}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


def from_data_uri(uri: str) -> Image.Image:
    """The picture in a data URI of ``data_uri``."""
    _, _, encoded = uri.partition(";base64,")
    return Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
