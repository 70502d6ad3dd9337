"""Pictures to corrupt."""

import numpy as np


def scene(height=48, width=48, seed=0):
    """Slopes, a disk, stripes, grey and black: uint8 (H, W, 3)."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([255 * y / height, 255 * x / width, 128 + 60 * np.sin(x / 3)], axis=2)
    picture[np.hypot(y - height / 2, x - width / 3) < min(height, width) / 4] = (220, 60, 30)
    picture[: height // 6, : width // 3] = 128
    picture[-height // 6 :, : width // 3] = 0
    return (picture + np.random.RandomState(seed).uniform(0, 9, picture.shape)).clip(0, 255).astype(np.uint8)
