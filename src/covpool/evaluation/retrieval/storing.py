"""Pictures -> stored vectors: embedded, whitened, normalised and written batch by batch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from covpool.data import Loader
from covpool.evaluation.predict import Precision
from covpool.evaluation.retrieval.embedding import Embedded, Layer, embed, normalized
from covpool.evaluation.retrieval.vector_file import WHITENING, beside, vector_writer
from covpool.evaluation.retrieval.whitening import Whitening
from covpool.evaluation.stamp import stamp

Progress = Callable[[int, int], None]


def store_vectors(
    network: nn.Module,
    loaders: Sequence[Loader],
    path: str | Path,
    *,
    layer: Layer = "head",
    whitening: Whitening | None = None,
    normalize: bool = False,
    half: bool = False,
    device: str | torch.device = "auto",
    precision: Precision = "32-true",
    about: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the vectors of all pictures of ``loaders``, one set after the other, to ``path``; returns what is noted.

    Args:
        loaders: of ``eval_loader``, whose sets have the same classes.
        path: ``.npy`` or ``.parquet``, as ``vector_writer`` writes them; a whitening goes into a file beside it.
        layer: which vector, as in ``embed``.
        whitening: what the vectors pass through, of ``fit_whitening``.
        normalize: give each vector length 1, after the whitening.
        half: store float16.
        about: what to note beside the facts: weights, preprocessing, data.

    Raises:
        ValueError: what ``embed`` and ``vector_writer`` raise.
    """
    path = Path(path)
    batches = embedded(network, loaders, layer=layer, device=device, precision=precision, progress=progress)
    done = 0
    with vector_writer(path, loaders[0].images.classes, half=half) as writer:
        for loader, batch in batches:
            keys = [loader.images.keys[int(i)] for i in batch.indices]
            writer.add(prepared(batch.vectors, whitening, normalize), keys, batch.labels.tolist())
            done += len(keys)
        note = {
            "layer": layer,
            "normalized": normalize,
            "whitening": None if whitening is None else {"sha256": whitening.digest, "kept": whitening.kept},
            "skipped": [[key, reason] for loader in loaders for key, reason in loader.skipped],
            **(about or {}),
            "stamp": stamp(),
        }
        writer.finish(note)
        if whitening is not None and done:
            whitening.save(beside(path, WHITENING))
    return note


def prepared(vectors: np.ndarray, whitening: Whitening | None, normalize: bool) -> np.ndarray:
    """What is stored, and searched with, for vectors of a network."""
    changed = vectors if whitening is None else whitening(vectors)
    return normalized(changed) if normalize else changed


def embedded(
    network: nn.Module, loaders: Sequence[Loader], *, progress: Progress | None = None, **options: Any
) -> Iterator[tuple[Loader, Embedded]]:
    """The batches of several loaders as of one, each with its loader; ``options`` are those of ``embed``."""
    total, before = sum(map(len, loaders)), 0
    for loader in loaders:
        for done, batch in enumerate(embed(network, loader, **options), start=1):
            yield loader, batch
            if progress is not None:
                progress(before + done, total)
        before += len(loader)


@contextmanager
def on_disk(batches: Iterator[tuple[Loader, Embedded]], folder: str | Path) -> Iterator[np.ndarray]:
    """All vectors as a mapped array, from a nameless file in ``folder`` that is gone after the block."""
    with tempfile.TemporaryFile(dir=folder) as file:
        length = 0
        for _, batch in batches:
            length = batch.vectors.shape[1]
            file.write(np.ascontiguousarray(batch.vectors, np.float32).tobytes())
        if not length:
            raise ValueError("there are no vectors; every picture was broken")
        file.flush()
        yield np.memmap(file, dtype=np.float32, mode="r").reshape(-1, length)
