"""Find out how a backbone is to be read, what of it is dead, and keep its last resolution."""

from covpool.models.adaptation.last_stride import keep_last_resolution
from covpool.models.adaptation.probe import NoLayout, find_layout, has_fixed_size, probe_images, with_channels
from covpool.models.adaptation.pruning import FROZEN, drop, prune

__all__ = [
    "FROZEN",
    "NoLayout",
    "drop",
    "find_layout",
    "has_fixed_size",
    "keep_last_resolution",
    "probe_images",
    "prune",
    "with_channels",
]
