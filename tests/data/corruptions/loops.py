"""The corruptions once more, pixel by pixel and tap by tap, as their description has them."""

import colorsys

import numpy as np

WHITE = 255


def gaussian(values, sigma):
    """Separable, four sigmas wide, the border pixel repeated."""
    reach = int(4 * sigma + 0.5)
    taps = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (taps / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        places = np.clip(np.arange(values.shape[axis])[:, None] + taps, 0, values.shape[axis] - 1)
        moved = np.moveaxis(values, axis, 0)
        values = np.moveaxis(np.array([np.tensordot(weights, moved[row], 1) for row in places]), 0, axis)
    return values


def glass(pixels, sigma, reach, rounds, rng):
    """The loop of the release: its exchange of numpy views copies."""
    x = (gaussian(pixels / 255, sigma) * 255).astype(np.uint8)
    height, width = x.shape[:2]
    for _ in range(rounds):
        for h in range(height - reach, reach, -1):
            for w in range(width - reach, reach, -1):
                right, down = rng.randint(-reach, reach, size=2)
                there = (h + down, w + right)
                x[h, w], x[there] = x[there], x[h, w]
    return gaussian(x / 255, sigma) * 255


def disk_mean(pixels, radius):
    """The mean over a disk; the picture goes on mirrored, its border pixel once."""
    height, width = pixels.shape[:2]
    out = np.zeros(pixels.shape)
    near = range(-radius, radius + 1)
    around = [(i, j) for i in near for j in near if i * i + j * j <= radius * radius]
    for y in range(height):
        for x in range(width):
            out[y, x] = np.mean([pixels[_mirror(y + i, height), _mirror(x + j, width)] for i, j in around], axis=0)
    return out


def _mirror(index, length):
    while not 0 <= index < length:
        index = -index if index < 0 else 2 * (length - 1) - index
    return index


def by_hsv(pixels, change):
    """``change(h, s, v)`` on every pixel."""
    out = np.zeros(pixels.shape)
    for y, x in np.ndindex(pixels.shape[:2]):
        out[y, x] = colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*(pixels[y, x] / 255))))
    return out * 255


def equalized(grey):
    """Histogram equalization, value by value."""
    counts = [int((grey == value).sum()) for value in range(256)]
    first = next(count for count in counts if count)
    table = [round(255 * max(sum(counts[: v + 1]) - first, 0) / max(grey.size - first, 1)) for v in range(256)]
    return np.vectorize(lambda value: table[value])(grey)


def relief(grey):
    """The kernel that lights a height from one side, cut to 0..255."""
    kernel = [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
    height, width = grey.shape
    out = np.zeros(grey.shape)
    for y, x in np.ndindex(grey.shape):
        taps = [
            kernel[i][j] * int(grey[_mirror(y + i - 1, height), _mirror(x + j - 1, width)])
            for i in range(3)
            for j in range(3)
        ]
        out[y, x] = min(max(sum(taps), 0), WHITE)
    return out
