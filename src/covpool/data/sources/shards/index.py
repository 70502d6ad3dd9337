"""What is in one shard, as arrays: found by reading it, or remembered in a file beside its copies."""

from __future__ import annotations

import json
import logging
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from covpool.data.names import Names
from covpool.data.sources.layout import plural
from covpool.data.sources.shards.samples import Found, samples_of
from covpool.formats import TarIndex
from covpool.formats.tar_index import survey_tar

log = logging.getLogger("covpool")
_VERSION = 1


@dataclass(frozen=True)
class IndexedShard:
    """The samples of a shard. Arrays, because objects a sample would stay in the memory of every worker.

    Args:
        size: bytes of the shard.
        offsets, sizes: where each picture lies.
        labels: numbers; below zero, -1 - a place in ``words``.
        logits: offset and size (n, 2) of what a teacher said of each, -1 where there is nothing.
        keys: name of each picture.
        words: labels that are names.
        names: of classes, by label, where the shard tells.
        mistakes: what was left out, a sentence each.
    """

    size: int
    offsets: np.ndarray
    sizes: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    keys: Names
    words: list[str]
    names: dict[int, str]
    mistakes: list[str]


def index_shard(path: Path) -> IndexedShard:
    """Read the headers and the labels of a shard.

    Raises:
        OSError: it cannot be opened.
    """
    index, wrong = survey_tar(path)
    found = samples_of(index)
    members = np.array([sample.picture for sample in found.samples], np.int64)
    words: dict[str, int] = {}
    labels = (
        words.setdefault(s.label, -1 - len(words)) if isinstance(s.label, str) else s.label for s in found.samples
    )
    return IndexedShard(
        path.stat().st_size,
        index.offsets[members],
        index.sizes[members],
        np.fromiter(labels, np.int64, len(members)),
        _logits(index, found),
        Names(sample.key for sample in found.samples),
        list(words),
        {label: name for label, name in found.names.items() if name},
        [*wrong, *(f"{plural(count, 'sample')} with {reason}" for reason, count in sorted(found.left_out.items()))],
    )


def _logits(index: TarIndex, found: Found) -> np.ndarray:
    said = np.array([sample.logits for sample in found.samples], np.int64)
    places = np.stack([index.offsets[said], index.sizes[said]], axis=1) if len(index.sizes) else np.zeros((0, 2))
    return np.where(said[:, None] < 0, -1, places).astype(np.int64)


def save_index(index: IndexedShard, path: Path) -> None:
    """Remember it: written beside and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {name: getattr(index, name) for name in ("words", "mistakes")}
    texts |= {"version": _VERSION, "size": index.size, "keys": list(index.keys), "names": list(index.names.items())}
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            arrays = {name: getattr(index, name) for name in _ARRAYS}
            np.savez(file, texts=np.frombuffer(json.dumps(texts).encode(), np.uint8), **arrays)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


_ARRAYS = ("offsets", "sizes", "labels", "logits")


def load_index(path: Path) -> IndexedShard | None:
    """What was remembered; None where nothing was, or nothing that can be used."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:  # it leaves damaged files open
            arrays = {name: stored[name].astype(np.int64) for name in _ARRAYS}
            texts = json.loads(stored["texts"].tobytes())
        if texts["version"] != _VERSION or len({len(texts["keys"]), *map(len, arrays.values())}) != 1:
            return None
        return IndexedShard(
            size=texts["size"],
            keys=Names(texts["keys"]),
            words=texts["words"],
            names={int(label): name for label, name in texts["names"]},
            mistakes=texts["mistakes"],
            **arrays,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        log.warning("the index %s is damaged (%s); it is made anew", path, error)
        return None
