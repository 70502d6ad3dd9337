"""Files of expected logits: an input, or the name that it is drawn by, and what the official code gave for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, is_zipfile
from zlib import crc32

import numpy as np

from covpool.formats.corrupt import CorruptFile

_LARGEST = 1 << 26  # numbers of an input that is drawn


@dataclass(frozen=True)
class Golden:
    """What a network is given and what it should answer."""

    images: np.ndarray
    expected: Mapping[str, np.ndarray]


def read_golden(path: str | Path) -> dict[str, Golden]:
    """What an ``.npz`` file expects, by the name of the case; the only case of a file has the name ``""``.

    A case has ``logits``, perhaps ``fc_response``, and ``input`` or ``input_name`` and ``input_shape``. Several cases
    have their name in front, ``i96/logits`` for instance; what lacks an input or logits is no case.

    Raises:
        CorruptFile: the file cannot be read, or holds no case.
    """
    try:
        if not Path(path).is_file() or not is_zipfile(path):  # numpy would take it for a pickle, and advise to load it
            raise ValueError("there is no such file, or it is no zip")
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files if name.rpartition("/")[2] in _FIELDS}
    except (OSError, ValueError, EOFError, KeyError, TypeError, BadZipFile) as error:
        raise CorruptFile(str(path), f"it is no .npz file of arrays ({error})") from error
    cases: dict[str, dict[str, np.ndarray]] = {}
    for name, array in found.items():
        case, _, field = name.rpartition("/")
        cases.setdefault(case, {})[field] = array
    whole = {case: _golden(path, fields) for case, fields in cases.items() if _is_whole(fields)}
    if not whole:
        raise CorruptFile(str(path), "it needs logits, and input or input_name and input_shape; it has " + _list(found))
    return whole


def _is_whole(fields: Mapping[str, np.ndarray]) -> bool:
    return "logits" in fields and ("input" in fields or {"input_name", "input_shape"} <= fields.keys())


def _golden(path: str | Path, fields: Mapping[str, np.ndarray]) -> Golden:
    images = fields["input"] if "input" in fields else _drawn(path, fields)
    expected = {name: fields[name] for name in ("logits", "fc_response") if name in fields}
    return Golden(images.astype(np.float32), expected)


_FIELDS = ("input", "input_name", "input_shape", "logits", "fc_response")


def _list(found: Mapping[str, np.ndarray]) -> str:
    return ", ".join(found) or "none of them"


def _drawn(path: str | Path, found: Mapping[str, np.ndarray]) -> np.ndarray:
    shape = tuple(int(length) for length in np.ravel(found["input_shape"]))
    if len(shape) != 4 or min(shape) < 1 or int(np.prod(shape, dtype=object)) > _LARGEST:
        raise CorruptFile(str(path), f"its input_shape should be (images, channels, height, width); got {shape}")
    return draw_images(str(found["input_name"]), shape)


def draw_images(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The smooth float32 images in about -2..2 that golden files name: the same for a name on every machine.

    Sums of four sine waves and noise, from NumPy's ``RandomState`` (whose numbers never change) seeded with the
    CRC-32 of ``name``; ``shape`` is (images, channels, height, width).

    Example:
        >>> draw_images("example", (1, 1, 2, 2)).shape
        (1, 1, 2, 2)
    """
    generator = np.random.RandomState(crc32(name.encode()) & 0x7FFF_FFFF)
    images, channels, height, width = shape
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    out = np.zeros(shape)
    for index in np.ndindex(images, channels):
        frequency = generator.uniform(1, 12, (4, 2))
        phase, height_of = generator.uniform(0, 6.28, 4), generator.uniform(0.2, 0.6, 4)
        waves = zip(frequency, phase, height_of, strict=True)
        out[index] = sum(a * np.sin(6.28 * (f[0] * x + f[1] * y) + p) for f, p, a in waves)
    return (out + 0.2 * generator.standard_normal(shape)).astype(np.float32)
