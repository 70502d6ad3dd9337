"""The images that a command line names, and how a network is given them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from glob import glob
from itertools import takewhile
from pathlib import Path
from typing import Any

from covpool.cli.errors import Usage
from covpool.cli.options import tell

SPLITS = ("train", "val", "test")


def preprocessing_of(network: Any, about: Mapping[str, Any]) -> Any:
    """How the network's training prepared images; what its backbone asks for, where the file does not say.

    Args:
        network: as ``restore_network`` gives it.
        about: what its file says; a file of ``save_network`` need not say anything.
    """
    from covpool.data import Preprocessing, preprocessing_for

    known = about.get("preprocessing")
    return preprocessing_for(network.pretrained_cfg) if known is None else Preprocessing.from_dict(known)


def image_files(words: Sequence[str]) -> list[Path]:
    """The image files that words mean: files, folders, which are searched through, and patterns; each once.

    Raises:
        Usage: names every word that means none.
        OSError: a folder cannot be listed.
    """
    from covpool.data import EXTENSIONS

    found: dict[Path, None] = {}
    mistakes = []
    for word in words:
        files = list(_meant(word, tuple(EXTENSIONS)))
        found.update(dict.fromkeys(files))
        if not files:
            is_folder = Path(word).is_dir()
            mistakes.append(f"the folder {word} holds no images" if is_folder else f"there is no image at {word}")
    if mistakes:
        raise Usage(mistakes)
    return list(found)


def _meant(word: str, extensions: tuple[str, ...]) -> Iterator[Path]:
    path = Path(word)
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from _images_below(path, extensions)
    else:
        matches = [Path(match) for match in sorted(glob(word, recursive=True))]
        for match in _inside(Path(*takewhile(_is_plain, path.parts)), matches):
            if match.is_file():
                yield match
            elif match.is_dir():
                yield from _images_below(match, extensions)


def _is_plain(part: str) -> bool:
    return not set("*?[") & set(part)


def _images_below(folder: Path, extensions: Collection[str]) -> list[Path]:
    """Sorted; OSError at a folder in it that cannot be listed, which rglob would pass over."""

    def refuse(error: OSError) -> None:
        raise error

    found = (Path(place, name) for place, _, names in os.walk(folder, onerror=refuse) for name in names)
    return _inside(folder, sorted(file for file in found if file.suffix.lower() in extensions and file.is_file()))


def _inside(folder: Path, files: Sequence[Path]) -> list[Path]:
    """The files that truly lie in the folder: one that a link leads out of it to has to be named itself."""
    top = folder.resolve()
    kept = [file for file in files if file.resolve().is_relative_to(top)]
    if outside := len(files) - len(kept):
        tell(f"left out: {outside} of {len(files)} files, as links lead out of {folder} to them")
    return kept


def set_of_files(files: Sequence[Path]) -> Any:
    """Files as an ImageSet; their labels are unknown and stand at 0."""
    from covpool.data import ImageSet
    from covpool.data.sources.folder import FileReader

    paths = [str(file) for file in files]
    return ImageSet([""], [0] * len(paths), paths, FileReader(paths))


def image_sets(place: str, split: str, *, unlabelled: bool = False, download: bool = False) -> list[Any]:
    """The sets of a split, or all sets, of what ``--data`` names; nothing is drawn from train.

    Args:
        place: what ``open_images`` takes, or a folder.
        split: train, val, test or all.
        unlabelled: ``place`` is a folder of images at any depth, without classes.
        download: fetch a known set.

    Raises:
        Usage: there is no such split, or no image.
    """
    if unlabelled:
        return [_loose(place)]
    from covpool.data import open_images

    source = open_images(place, download=download, val_fraction=0)
    found = {name: getattr(source, name) for name in SPLITS if getattr(source, name) is not None}
    if found.get("val") is found.get("test") and "test" in found:
        found.pop("val" if split != "val" else "test")  # the test split serves as val: not twice
    if split == "all":
        return list(found.values())
    if split not in found:
        raise Usage([f"{place} has no {split} images; it has {', '.join(found)}"])
    return [found[split]]


def _loose(place: str) -> Any:
    """All images of a folder, named by where they lie in it, with the label -1."""
    from covpool.data import EXTENSIONS, ImageSet
    from covpool.data.sources.folder import FileReader

    root = Path(place).expanduser()
    if not root.is_dir():
        raise Usage([f"--unlabelled needs a folder of images; got {place}"])
    files = _images_below(root, EXTENSIONS)
    if not files:
        raise Usage([f"the folder {place} holds no images"])
    keys = [file.relative_to(root).as_posix() for file in files]
    return ImageSet([], [-1] * len(files), keys, FileReader([str(file.absolute()) for file in files]), str(place))
