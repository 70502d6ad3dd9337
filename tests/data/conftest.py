"""Small pictures on disk."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def noise(seed: int, size: tuple[int, int] = (12, 10)) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.fixture
def picture():
    """picture(path, seed) writes a small picture, making its folders; returns the path."""

    def write(path: Path, seed: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(seed).save(path)
        return path

    return write


@pytest.fixture
def class_folders(tmp_path, picture):
    """class_folders({'train/cat': 3, ...}) writes that many pictures into each; returns the root."""

    def write(counts: dict[str, int], root: Path = tmp_path / "photos") -> Path:
        seed = 0
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                picture(root / folder / f"{i}.png", seed)
                seed += 1
        return root

    return write
