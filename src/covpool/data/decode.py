"""Bytes of a picture file -> an upright RGB picture."""

from __future__ import annotations

import io
import math
import warnings
from contextlib import suppress

import numpy as np
from PIL import Image, ImageOps

from covpool.data.errors import CorruptImage

EXTENSIONS = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm"]
)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")  # not EPS, which Pillow hands to Ghostscript
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*")
START_BYTES = 12
_TRANSPARENT = ("RGBA", "LA", "PA", "La", "RGBa")


def decode(data: bytes, key: str, place: str = "", draft: int | None = None) -> Image.Image:
    """Decode one picture to 8-bit RGB, the first frame of a moving one, turned upright as its EXIF says.

    Transparent parts become white. 16-bit grey is scaled to 8 bits by 255/65535. CMYK, grey and palettes
    are converted by Pillow.

    ``draft`` decodes a JPEG at 1/2, 1/4 or 1/8 of its size where its short side keeps at least as many pixels: several
    times faster, and the picture is not the same after resizing. None, which published protocols need, decodes all.

    Raises:
        CorruptImage: an empty, cut or damaged file, one that is no picture, 32-bit floating-point pixels,
            or more pixels than ``PIL.Image.MAX_IMAGE_PIXELS`` (a decompression bomb).

    Example:
        >>> buffer = io.BytesIO(); Image.new("L", (4, 2)).save(buffer, "PNG")
        >>> decode(buffer.getvalue(), "cat/1.png").mode
        'RGB'
    """
    if not data:
        raise CorruptImage(key, "the file is empty (0 bytes)", place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd EXIF and palettes help nobody here
            return _decode(data, draft)
    except Exception as error:  # Pillow's plug-ins raise nearly anything on damaged bytes
        raise CorruptImage(key, _reason(error), place) from error


def starts_like_picture(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a picture format; for files without an extension."""
    return start.startswith(_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def _decode(data: bytes, draft: int | None = None) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and image.width * image.height > limit:
            raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels, over the limit of {limit}")
        if draft is not None:
            share = draft / min(image.size)
            image.draft(None, (math.ceil(image.width * share), math.ceil(image.height * share)))
        image.load()
        return to_rgb(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    with suppress(Exception):  # damaged EXIF beside sound pixels: the picture counts, its orientation is unknown
        ImageOps.exif_transpose(image, in_place=True)  # else it copies every picture that needs no turning
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode as 8-bit RGB.

    Raises:
        ValueError: a mode without an agreed range (32-bit floating point) or without a way to RGB.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return _from_16_bits(np.asarray(image)).convert("RGB")
    if image.mode == "F":
        raise ValueError("32-bit floating-point pixels have no agreed range; save it with 8 or 16 bits")
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _from_16_bits(values: np.ndarray) -> Image.Image:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ValueError(f"32-bit pixels from {low} to {high} have no agreed range; save it with 8 or 16 bits")
    return Image.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "its content is no picture of a known format"
    if isinstance(error, Image.DecompressionBombError):
        return f"it may be a decompression bomb ({error}; see PIL.Image.MAX_IMAGE_PIXELS)"
    return f"it cannot be decoded ({str(error) or type(error).__name__})"
