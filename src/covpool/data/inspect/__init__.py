"""What is in a set of pictures, what is wrong with it, and what a network sees of it."""

from covpool.data.inspect.checking import check
from covpool.data.inspect.grid import picture_grid, spread_indices

__all__ = ["check", "picture_grid", "spread_indices"]
