"""A picture of a source -> the bytes that a prepared set stores; every picture is decoded on the way."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from covpool.data.decode import FORMATS, decode
from covpool.data.images import ImageSet

_KEPT = {"JPEG": "jpg", "PNG": "png"}  # formats that every reader of shards and records knows
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Encoded:
    """A picture as it is stored: bytes of a JPEG or PNG file, and why they are not those of the source, or ''."""

    data: bytes
    extension: str
    width: int
    height: int
    changed: str = ""


@dataclass(frozen=True)
class Encoding:
    """How pictures are stored.

    Args:
        size: short side to which larger pictures are reduced; None keeps them.
        quality: of JPEGs that have to be written anew; 95 is hardly to be told from the original.
    """

    size: int | None = None
    quality: int = 95

    def __call__(self, images: ImageSet, index: int) -> Encoded:
        """The picture at ``index``: its own bytes where all readers see the same in them.

        CMYK, 16 bits, palettes, transparency, several frames, EXIF rotation and rare formats are written anew, as
        8-bit RGB: JPEG where the source was one, else PNG.

        Raises:
            CorruptImage: it cannot be read.
        """
        content = images.content(index)
        if not isinstance(content, bytes):
            return self._written(content, "PNG", "pixels")
        image = decode(content, images.keys[index], images.place)
        kind, reason = _why_anew(content)
        if self.size is not None and min(image.size) > self.size:
            return self._written(_reduced(image, self.size), kind, "reduced")
        if reason:
            return self._written(image, kind, reason)
        return Encoded(content, _KEPT[kind], *image.size)

    def _written(self, image: Image.Image, kind: str, reason: str) -> Encoded:
        buffer = io.BytesIO()
        if kind == "JPEG":
            image.save(buffer, "JPEG", quality=self.quality, subsampling=0)
        else:
            image.save(buffer, "PNG")
        return Encoded(buffer.getvalue(), "jpg" if kind == "JPEG" else "png", *image.size, reason)


def _why_anew(content: bytes) -> tuple[str, str]:
    """The format of a sound picture, and what another reader might see differently."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on odd EXIF and large sizes: decode() let them pass
        return _told_by_header(content)


def _told_by_header(content: bytes) -> tuple[str, str]:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        kind = image.format or ""
        if kind not in _KEPT:
            return ("JPEG", "MPO") if kind == "MPO" else (kind, kind)
        if getattr(image, "n_frames", 1) > 1:
            return kind, "several frames"
        if image.mode not in ("RGB", "L"):
            return kind, image.mode
        if "transparency" in image.info:
            return kind, "transparency"
        return kind, "EXIF rotation" if _turned(image) else ""


def _turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION, 1) != 1
    except Exception:  # damaged EXIF: decode() takes the picture as it lies, other readers may not
        return True


def _reduced(image: Image.Image, size: int) -> Image.Image:
    ratio = size / min(image.size)
    width, height = (max(size, round(side * ratio)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def square(image: Image.Image, size: int) -> Image.Image:
    """The whole picture as a square, sides averaged apart: how ImageNet was reduced to 64 x 64.

    Source: Chrabaszcz et al., arXiv 1707.08819, section 2: the box filter, aspect not kept.
    """
    return image if image.size == (size, size) else image.resize((size, size), Image.Resampling.BOX)
