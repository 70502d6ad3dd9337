"""Makes the sets that the benchmarks of data read: one content as class folders, as shards and as mapped arrays."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from covpool.formats.pixels import PixelWriter

CLASSES = 10
_DIFFERENT = 500  # pictures that are drawn; they repeat


def pictures(side: int, different: int = _DIFFERENT) -> list[np.ndarray]:
    """Smooth noise, which JPEG packs about as well as photographs."""
    rng, coarse = np.random.default_rng(0), max(2, side // 8)
    drawn = (rng.integers(0, 256, (coarse, coarse, 3), dtype=np.uint8) for _ in range(different))
    return [np.asarray(Image.fromarray(p).resize((side, side), Image.Resampling.BICUBIC)) for p in drawn]


def jpegs(side: int, different: int = _DIFFERENT) -> list[bytes]:
    """The same as files."""
    found = []
    for pixels in pictures(side, different):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
        found.append(buffer.getvalue())
    return found


def make_folder(root: Path, count: int, files: list[bytes]) -> Path:
    """Class folders below ``root``."""
    for label in range(CLASSES):
        (root / f"class{label}").mkdir(parents=True, exist_ok=True)
    for i in range(count):
        (root / f"class{i % CLASSES}" / f"{i:07d}.jpg").write_bytes(files[i % len(files)])
    return root


def make_shards(root: Path, count: int, files: list[bytes], per_shard: int = 10_000) -> Path:
    """Shards of WebDataset in ``root``."""
    root.mkdir(parents=True)
    for shard, first in enumerate(range(0, count, per_shard)):
        with tarfile.open(root / f"train-{shard:05d}.tar", "w") as tar:
            for name, content in _members(range(first, min(first + per_shard, count)), files):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return root


def _members(numbers: range, files: list[bytes]) -> Iterator[tuple[str, bytes]]:
    for i in numbers:
        yield f"{i:07d}.jpg", files[i % len(files)]
        yield f"{i:07d}.cls", str(i % CLASSES).encode()


def make_pixels(root: Path, count: int, drawn: list[np.ndarray]) -> Path:
    """Our mapped form."""
    block, side = np.stack(drawn), drawn[0].shape[0]
    with PixelWriter(root, [f"class{i}" for i in range(CLASSES)], {"train": count}, (side, side)) as writer:
        for first in range(0, count, len(block)):
            part = block[: count - first]
            writer.put("train", first, part, (np.arange(len(part)) + first) % CLASSES)
    return root
