"""Pictures of one size that lie in arrays of planes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image


class PlanesReader:
    """position -> picture, from parts uint8 (n, 3, H, W) that are opened when they are first read.

    Sent to another process, it goes without the arrays: each process maps the files by itself.

    Args:
        open_part: number of a part -> its array.
        counts: pictures a part.
    """

    def __init__(self, open_part: Callable[[int], np.ndarray], counts: Sequence[int]) -> None:
        self.open_part = open_part
        self.starts = np.cumsum([0, *counts])
        self._parts: dict[int, np.ndarray] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_parts": {}}

    def __call__(self, position: int) -> Image.Image:
        return Image.fromarray(np.ascontiguousarray(self.planes(np.array([position]))[0].transpose(1, 2, 0)))

    def planes(self, positions: np.ndarray) -> np.ndarray:
        """uint8 (n, 3, H, W), a copy."""
        if len(self.starts) == 2:
            return self._part(0)[positions]
        parts = np.searchsorted(self.starts, positions, side="right") - 1
        out = np.empty((len(positions), *self._part(int(parts[0]) if len(parts) else 0).shape[1:]), np.uint8)
        for number in np.unique(parts).tolist():
            here = parts == number
            out[here] = self._part(number)[positions[here] - self.starts[number]]
        return out

    def _part(self, number: int) -> np.ndarray:
        part = self._parts.get(number)
        if part is None:
            part = self._parts[number] = self.open_part(number)
        return part
