"""Deterministic weights and inputs for whole-model parity checks.

Every parameter is drawn from numpy's legacy RandomState (its stream is frozen
for all numpy versions) seeded with the CRC-32 of the parameter's own name, so a
checkpoint never has to be stored: a key -> shape table regenerates it.
"""

from zlib import crc32

import numpy as np


def draw(name: str, shape: tuple[int, ...], layout: str = "oihw") -> np.ndarray:
    """float32 values for parameter `name`.

    layout: 'oihw' (PyTorch, MindSpore: fan-in = prod(shape[1:])) or 'hwio'
    (TensorFlow, MatConvNet: fan-in = prod(shape[:-1])).
    """
    shape = tuple(int(s) for s in shape)
    rng = np.random.RandomState(crc32(name.encode()) & 0x7FFFFFFF)
    n = rng.standard_normal(shape) if shape else np.asarray(rng.standard_normal())
    low = name.lower()
    if "num_batches_tracked" in low or "global_step" in low:
        return np.zeros(shape, np.float32)
    if any(k in low for k in ("running_var", "moving_variance", "moving_var", "variance")):
        out = 1.0 + 0.1 * np.abs(n)
    elif any(k in low for k in ("running_mean", "moving_mean")):
        out = 0.1 * n
    elif len(shape) >= 2:
        fan_in = int(np.prod(shape[1:] if layout == "oihw" else shape[:-1]))
        out = n * np.sqrt(1.0 / max(fan_in, 1))
    elif any(k in low for k in ("gamma", "weight", "multiplier", "scale")):
        out = 0.8 + 0.1 * n
    else:  # biases, betas
        out = 0.1 * n
    return out.astype(np.float32)


def image(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A smooth-ish float32 input batch in about [-2, 2], seeded by `name`; shape is NCHW."""
    rng = np.random.RandomState(crc32(name.encode()) & 0x7FFFFFFF)
    n, c, h, w = shape
    y, x = np.meshgrid(np.linspace(0, 1, h), np.linspace(0, 1, w), indexing="ij")
    out = np.zeros(shape)
    for i in range(n):
        for j in range(c):
            f = rng.uniform(1, 12, (4, 2))
            p = rng.uniform(0, 6.28, 4)
            a = rng.uniform(0.2, 0.6, 4)
            out[i, j] = sum(a[k] * np.sin(6.28 * (f[k, 0] * x + f[k, 1] * y) + p[k]) for k in range(4))
    out += 0.2 * rng.standard_normal(shape)
    return out.astype(np.float32)
