"""Makes shards, sound and hostile, member by member."""

import io
import tarfile
from pathlib import Path

from PIL import Image


def png(value: int, size: int = 6) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (value % 256, value // 256, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def value_of(image: Image.Image) -> int:
    red, green, _ = image.getpixel((0, 0))
    return red + 256 * green


def write_tar(path: Path, members: list) -> Path:
    """members: (name, bytes), or a TarInfo for what is no plain file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return path


def samples(first: int, count: int, classes: int = 3) -> list[tuple[str, bytes]]:
    """Samples numbered from ``first``: the number is in the colour, the label goes round."""
    return [
        member
        for i in range(first, first + count)
        for member in ((f"{i:06d}.png", png(i)), (f"{i:06d}.cls", str(i % classes).encode()))
    ]


def write_shards(folder: Path, split: str, counts: list[int]) -> list[Path]:
    paths, first = [], 0
    for number, count in enumerate(counts):
        paths.append(write_tar(folder / f"{split}-{number:04d}.tar", samples(first, count)))
        first += count
    return paths
