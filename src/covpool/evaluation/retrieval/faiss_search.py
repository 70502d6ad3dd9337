"""Candidates by faiss, whose ranks are then proven as torch's are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from covpool.evaluation.retrieval.scores import Scores, spans

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
_ROWS = 4096


def faiss_candidates(scores: Scores, count: int, exclude: np.ndarray) -> Callable[[slice], Found]:
    """A function from a slice of queries to their ``count`` best float32 scores, positions, and bounds of error.

    Args:
        scores: the vectors, and the bound for faiss's products, which sum all D numbers in an order of their own.
        count: candidates a query.
        exclude: positions that are left out, or -1.

    Raises:
        ModuleNotFoundError: faiss is not installed; the sentence says what to install.
    """
    faiss = _faiss()
    gallery, queries = scores.gallery, scores.queries
    euclid = gallery.metric == "euclid"
    index = faiss.IndexFlatL2(gallery.length) if euclid else faiss.IndexFlatIP(gallery.length)
    for span in spans(len(gallery), _ROWS):
        index.add(gallery.read(span))

    def find(part: slice) -> Found:
        best, places = index.search(queries.read(part), min(len(gallery), count + 1))
        best = (-best if euclid else best).astype(np.float64)
        best = np.where(places == exclude[part][:, None], -np.inf, best)
        order = np.argsort(-best, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(best, order, 1), np.take_along_axis(places, order, 1), scores.bound(part)

    return find


def _faiss() -> Any:
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("backend='faiss' needs faiss: pip install faiss-cpu", name="faiss") from error
    return faiss
