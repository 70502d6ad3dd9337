"""Corrupted pictures: the 15 + 4 corruptions of ImageNet-C, generated."""

from covpool.data.corruptions.corrupting import (
    EXTRA,
    SEVERITIES,
    STANDARD,
    Corruption,
    corrupt,
    corruptions,
    random_numbers,
)
from covpool.data.corruptions.digital import jpeg_bytes, through_jpeg

__all__ = [
    "EXTRA",
    "SEVERITIES",
    "STANDARD",
    "Corruption",
    "corrupt",
    "corruptions",
    "jpeg_bytes",
    "random_numbers",
    "through_jpeg",
]
