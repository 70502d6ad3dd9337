"""What a teacher said of a picture, as a file of NumPy inside a shard."""

from __future__ import annotations

import io

import numpy as np
from numpy.lib import format as npy


def numbers_of(raw: bytes) -> np.ndarray | None:
    """The float32 (L,) of an .npy file of float16 or float32; None where it is damaged or something else.

    The header is checked against the bytes that are there before anything is allocated; no pickle is read.
    """
    file = io.BytesIO(raw)
    try:
        version = npy.read_magic(file)
        shape, _, kind = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(file)
    except (ValueError, SyntaxError, TypeError, OSError):
        return None
    body = raw[file.tell() :]
    if len(shape) != 1 or kind not in (np.float16, np.float32) or len(body) != shape[0] * kind.itemsize:
        return None
    return np.frombuffer(body, kind).astype(np.float32)


def bytes_of(numbers: np.ndarray) -> bytes:
    """The .npy file of float32 numbers.

    Example:
        >>> numbers_of(bytes_of(np.array([0.5, 2.0]))).tolist()
        [0.5, 2.0]
    """
    file = io.BytesIO()
    npy.write_array(file, np.ascontiguousarray(numbers, np.float32), version=(1, 0), allow_pickle=False)
    return file.getvalue()
