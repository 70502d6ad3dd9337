"""Files of weights: told by their content, read without running anything in them."""

from covpool.weights.files.importing import digests, import_file
from covpool.weights.files.read import find_format, read_arrays
from covpool.weights.files.shards import is_sharded
from covpool.weights.files.torch_file import read_torch
from covpool.weights.files.write import write_arrays

__all__ = ["digests", "find_format", "import_file", "is_sharded", "read_arrays", "read_torch", "write_arrays"]
