"""``corrupt``: a picture, the name of a corruption, a severity -> the corrupted picture, the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from covpool.data.corruptions import blur, digital, noise, weather
from covpool.registry import Registry

Apply = Callable[[np.ndarray, int, np.random.RandomState], np.ndarray]
SEVERITIES = (1, 2, 3, 4, 5)
LEAST_SIDE = 8  # pixels; the blurs mirror a picture by up to that, and of anything smaller nothing is left to see


class Corruption(NamedTuple):
    """A corruption: what it does, its group, and whether it is one of the 15 that the standard mCE averages."""

    apply: Apply
    kind: str
    is_standard: bool


corruptions: Registry[Corruption] = Registry("corruption")
_STANDARD: dict[str, tuple[Apply, ...]] = {
    "noise": (noise.gaussian_noise, noise.shot_noise, noise.impulse_noise),
    "blur": (blur.defocus_blur, blur.glass_blur, blur.motion_blur, blur.zoom_blur),
    "weather": (weather.snow, weather.frost, weather.fog, digital.brightness),
    "digital": (digital.contrast, digital.elastic_transform, digital.pixelate, digital.jpeg_compression),
}
_EXTRA: tuple[Apply, ...] = (noise.speckle_noise, blur.gaussian_blur, weather.spatter, digital.saturate)
for _kind, _applies in {**_STANDARD, "extra": _EXTRA}.items():
    for _apply in _applies:
        corruptions.register(_apply.__name__, Corruption(_apply, _kind, _kind != "extra"))

STANDARD = tuple(name for name in corruptions if corruptions.get(name).is_standard)
EXTRA = tuple(name for name in corruptions if not corruptions.get(name).is_standard)


def corrupt(picture: Image.Image | np.ndarray, name: str, severity: int, *, key: str = "", seed: int = 0) -> np.ndarray:
    """A corrupted copy of ``picture``: uint8 (H, W, 3).

    A pure function of its arguments: the random numbers are those of (seed, key, name, severity), so neither order nor
    process nor number of workers changes a pixel. They come from numpy's ``RandomState``, whose numbers are the same in
    every version of numpy. Corruptions whose source is Pillow (JPEG, pixelate) are as constant as Pillow.

    Source: Hendrycks and Dietterich, ICLR 2019; severities as released, in pixels of a picture of 224 x 224. Departs in
    the pictures of ``frost``, which are drawn; see docs/howto/robustness.md for what else is not the released bytes.

    Args:
        picture: RGB; a grey one (H, W) is taken as RGB. As the network sees it: cropped, before mean and std.
        name: one of ``corruptions``.
        severity: 1 (weak) to 5.
        key: what the picture is called in its set.
        seed: another one gives another draw of the whole set.

    Raises:
        UnknownName: no such corruption.
        ValueError: another severity, other than 8-bit values, or fewer than 8 pixels a side.

    Example:
        >>> grey = np.full((16, 16, 3), 128, np.uint8)
        >>> noisy = corrupt(grey, "gaussian_noise", 3, key="a.png")
        >>> noisy.dtype, bool((noisy == corrupt(grey, "gaussian_noise", 3, key="a.png")).all())
        (dtype('uint8'), True)
    """
    apply = corruptions.get(name).apply
    if severity not in SEVERITIES:
        raise ValueError(f"a severity is a whole number from 1 to 5; got {severity!r}")
    values = apply(_checked(picture), severity, random_numbers(seed, key, corruptions.resolve(name), severity))
    return values if values.dtype == np.uint8 else np.clip(values, 0, 255).astype(np.uint8)


def random_numbers(seed: int, *names: object) -> np.random.RandomState:
    """The random numbers that belong to these names, whatever was drawn before.

    Example:
        >>> random_numbers(0, "a.png", "snow", 1).randint(1000) == random_numbers(0, "a.png", "snow", 1).randint(1000)
        True
    """
    text = "\0".join(map(str, (seed, *names)))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=32).digest()
    return np.random.RandomState(np.frombuffer(digest, "<u4"))


def _checked(picture: Image.Image | np.ndarray) -> np.ndarray:
    if isinstance(picture, Image.Image) and picture.mode != "RGB":
        picture = picture.convert("RGB")
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(
            f"corrupt() needs an RGB or grey picture of 8 bits, uint8 (H, W, 3) or (H, W); got {pixels.dtype} "
            f"{pixels.shape}"
        )
    if min(pixels.shape[:2]) < LEAST_SIDE:
        size = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise ValueError(f"corrupt() needs a picture of at least 8 x 8 pixels; got {size}. Enlarge it first")
    return pixels
