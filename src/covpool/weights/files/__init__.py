"""Files of weights: told by their content, read without running anything in them."""

from covpool.weights.files.read import find_format, read_arrays
from covpool.weights.files.torch_file import read_torch

__all__ = ["find_format", "read_arrays", "read_torch"]
