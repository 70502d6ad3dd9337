"""The published sets: one table, opened by name and path, or recognised by what lies there."""

from __future__ import annotations

from pathlib import Path

from covpool.data.archives.fine_grained import FINE_GRAINED
from covpool.data.archives.food import FOOD
from covpool.data.archives.oxford import OXFORD
from covpool.data.archives.places import PLACES
from covpool.data.archives.products import PRODUCTS
from covpool.data.archives.published import Published, open_published, recognises
from covpool.data.errors import BadSource
from covpool.data.images import ImageSource
from covpool.registry import Registry

_ALIASES = {  # as the authors of Assemble-ResNet call them, where that differs
    "cub-200-2011": ["cub_200_2011"],
    "fgvc-aircraft": ["fgvc_aircraft"],
    "stanford-cars": ["cars196"],
    "cub-200-2011-zeroshot": ["cub-zero-shot"],
    "stanford-cars-zeroshot": ["cars196_zeroshot", "cars-zero-shot"],
    "flowers102": ["oxford_flowers102"],
    "oxford-pets": ["oxford_iiit_pet"],
    "stanford-online-products": ["sop"],
}

archives: Registry[Published] = Registry("published set")
for _table in (FINE_GRAINED, OXFORD, FOOD, PLACES, PRODUCTS):
    for _name, _entry in _table.items():
        archives.register(_name, _entry, aliases=_ALIASES.get(_name, []))


def open_archive(name: str, path: Path, cache: Path) -> ImageSource:
    """The published set ``name`` from ``path``: its unpacked folder, an archive of it, or the folder of its archives.

    Args:
        name: of ``archives``.
        path: where it lies.
        cache: compressed archives are unpacked below it, once.

    Raises:
        BadSource: there is nothing, or it is not as published.
    """
    if not path.exists():
        raise BadSource(str(path), [f"there is no folder or archive {str(path)!r} to open {name!r} from"])
    try:
        return open_published(name, archives.get(name), path, cache)
    except OSError as error:
        raise BadSource(str(path), [f"cannot read {error.filename!r} ({error.strerror})"]) from error


def recognised(path: Path) -> str | None:
    """The set that lies at ``path``, by the names of its lists or of its archives; None for anything else."""
    return next((name for name in archives.names() if recognises(archives.get(name), path)), None)
