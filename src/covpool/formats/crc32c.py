"""CRC-32C (Castagnoli) of large arrays in numpy, and TensorFlow's masked form of it.

A CRC is linear, so a long text is cut into lanes that go through the tables side by side, and the lanes are joined by
multiplying with powers of x: crc(a + b) = crc(a) * x^(8 len(b)) xor crc(b). About 200 MB/s, a plain loop makes 10.
"""

from __future__ import annotations

import numpy as np

_POLYNOMIAL = 0x82F63B78  # reflected; RFC 3720, appendix B.4
_MOST_LANES = 16384  # more do not fit the cache
_LEAST_STEPS = 64  # below, joining the lanes costs more than it saves
_MASK_DELTA = 0xA282EAD8  # tensorflow/core/lib/hash/crc32c.h


def _table() -> np.ndarray:
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, crc >> 1 ^ _POLYNOMIAL, crc >> 1).astype(np.uint32)
    return crc


def _after_zeros(register: np.ndarray, count: int) -> np.ndarray:
    for _ in range(count):
        register = _TABLE[register & 0xFF] ^ register >> 8
    return register


_TABLE = _table()
_LIST = [int(entry) for entry in _TABLE]
_LOW = _after_zeros(np.arange(1 << 16, dtype=np.uint32), 4)  # what four bytes make of the register's lower half
_HIGH = _after_zeros(np.arange(1 << 16, dtype=np.uint32), 2)  # and of its upper half


def crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C of ``data``.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    data = memoryview(data).cast("B")
    crc = 0xFFFF_FFFF
    wanted = len(data) // (4 * _LEAST_STEPS)
    if wanted >= 16:
        lanes = min(1 << wanted.bit_length() - 1, _MOST_LANES)
        steps = len(data) // (4 * lanes)
        crc = _in_lanes(np.frombuffer(data, "<u4", lanes * steps).reshape(lanes, steps), crc)
        data = data[4 * lanes * steps :]
    for byte in bytes(data):
        crc = _LIST[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFF_FFFF


def _in_lanes(words: np.ndarray, crc: int) -> int:
    """The register after all rows, one after the other, starting with ``crc``."""
    lanes = np.zeros(len(words), np.uint32)
    lanes[0] = crc
    steps = words.shape[1]
    for start in range(0, steps, 64):  # a copy of a few columns at a time, transposed
        for column in np.ascontiguousarray(words[:, start : start + 64].T):
            lanes ^= column
            lanes = _LOW.take(lanes & 0xFFFF) ^ _HIGH.take(lanes >> 16)
    shift = _shift(4 * steps)
    while len(lanes) > 1:
        lanes = _times(shift, lanes[0::2]) ^ lanes[1::2]
        shift = _times(shift, shift)
    return int(lanes[0])


def _shift(count: int) -> np.ndarray:
    """The 32 columns of the matrix that appends ``count`` zero bytes to a register."""
    power = np.left_shift(np.uint32(1), np.arange(32, dtype=np.uint32))
    result, square = power, _after_zeros(power, 1)
    while count:
        if count & 1:
            result = _times(square, result)
        square = _times(square, square)
        count >>= 1
    return result


def _times(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The matrix (a number a column) times each vector (a number of 32 bits), over GF(2)."""
    out = np.zeros_like(vectors)
    for bit in range(32):
        out ^= np.where(vectors >> np.uint32(bit) & np.uint32(1), matrix[bit], np.uint32(0))
    return out


def masked(crc: int) -> int:
    """How TensorFlow and LevelDB store a CRC, since the CRC of a text that holds its own CRC is a poor one."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFF_FFFF
