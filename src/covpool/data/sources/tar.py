"""Pictures inside an uncompressed tar, read in place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from covpool.data.decode import START_BYTES
from covpool.data.sources.layout import Listing
from covpool.formats import TarIndex, index_tar


@dataclass
class TarReader:
    """position -> bytes of a member."""

    index: TarIndex
    rows: np.ndarray

    def __call__(self, position: int) -> bytes:
        return self.index.read(self.rows[position])


def list_tar(path: Path) -> tuple[Listing, TarReader]:
    """The members of the archive, in the order in which they lie in it.

    Raises:
        BadTar: a damaged archive, or one with links, devices or names that lead out of it.
    """
    index = index_tar(path)
    listing = Listing.of(str(path), index.names, index.folders, lambda row: index.read(row, START_BYTES))
    # names go to the keys and workers need one copy; a change of the working directory must not lose the file
    small = TarIndex(os.path.abspath(index.path), [], index.offsets, index.sizes, [])
    return listing, TarReader(small, np.array(listing.rows, np.int64))
