"""Stored vectors, opened for a search. What is in the files is data: names are text, and no path is taken from them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from covpool.evaluation.retrieval.vector_file import COLUMNS, ENDINGS, SCHEMA, WHITENING, arrow, beside
from covpool.evaluation.retrieval.whitening import Whitening
from covpool.foreign_text import text_of

_MOST_FACTS = 2**26  # bytes of JSON


class BadVectors(ValueError):
    """Stored vectors that cannot be used; the sentence says why."""


@dataclass(frozen=True)
class VectorIndex:
    """``vectors`` (n, D) float16 or float32 (a mapped file, for .npy), a key and a label each (-1: none).

    ``about`` is what was noted when they were written; ``whitening`` what their pictures went through.
    """

    vectors: np.ndarray
    keys: Sequence[str]
    labels: np.ndarray
    classes: Sequence[str]
    about: Mapping[str, Any]
    whitening: Whitening | None

    def __len__(self) -> int:
        return len(self.vectors)

    def class_of(self, row: int) -> str:
        """The name of a row's class; empty where it has none."""
        label = int(self.labels[row])
        return self.classes[label] if label >= 0 else ""


def open_vectors(path: str | Path) -> VectorIndex:
    """The vectors that ``vector_writer`` wrote to ``path``.

    A ``.npy`` is mapped, so that a search reads it in pieces; a Parquet file is read into memory.

    Raises:
        BadVectors: absent, unfinished, damaged, or parts that do not belong together.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise BadVectors(f"vectors are a .npy or .parquet file of covpool embed; got {path.name!r}")
    if not path.is_file():
        raise BadVectors(f"there are no vectors at {path}")
    vectors, keys, labels, about = _read_parquet(path) if path.suffix == ".parquet" else _read_npy(path)
    classes = [str(name) for name in about.get("classes") or []]
    if not len(vectors) == len(keys) == len(labels) or len(vectors) != about.get("rows"):
        raise BadVectors(f"{path} and what lies beside it do not belong together; embed the pictures again")
    if labels.min(initial=-1) < -1 or labels.max(initial=-1) >= len(classes):
        raise BadVectors(f"{path} has labels that are none of its {len(classes)} classes; embed the pictures again")
    return VectorIndex(vectors, keys, labels, classes, about, _whitening(path, about.get("whitening")))


def _whitening(path: Path, noted: Any) -> Whitening | None:
    if not noted:
        return None
    file = beside(path, WHITENING)
    if not file.is_file():
        raise BadVectors(f"{path} needs {file.name} beside it; embed the pictures again")
    found = Whitening.load(file)
    if not isinstance(noted, dict) or noted.get("sha256") != found.digest:
        raise BadVectors(f"{file} is not the whitening of {path}; embed the pictures again")
    return found


def _read_npy(path: Path) -> tuple[np.ndarray, list[str], np.ndarray, dict[str, Any]]:
    facts = beside(path, ".json")
    if not facts.is_file():
        raise BadVectors(
            f"{path} is unfinished, or was not written by covpool embed: there is no {facts.name} beside it"
        )
    try:
        vectors = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header makes numpy raise nearly anything
        raise BadVectors(f"{path} cannot be read as an array: {error}") from error
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise BadVectors(f"{path} holds no rows of numbers; embed the pictures again")
    keys, labels = _read_table(beside(path, ".csv"))
    return vectors, keys, labels, _facts(facts, facts.read_bytes() if facts.stat().st_size < _MOST_FACTS else b"")


def _read_table(path: Path) -> tuple[list[str], np.ndarray]:
    keys, labels = [], []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.reader(file)
            if tuple(next(table, ())) != COLUMNS:
                raise ValueError(f"its columns need to be {', '.join(COLUMNS)}")
            for _, key, label, _ in table:
                keys.append(text_of(key))
                labels.append(int(label))
            return keys, np.array(labels, np.int64)
    except (OSError, ValueError, csv.Error, OverflowError) as error:
        raise BadVectors(f"{path} cannot be read as keys and labels: {error}") from error


def _read_parquet(path: Path) -> tuple[np.ndarray, list[str], np.ndarray, dict[str, Any]]:
    pyarrow, parquet = arrow()
    try:
        table = parquet.read_table(path, columns=["key", "label", "vector"], use_threads=False)
        facts = (parquet.read_metadata(path).metadata or {}).get(SCHEMA.encode(), b"")
        vectors = [_rows(chunk) for chunk in table["vector"].chunks]
        labels = table["label"].to_numpy().astype(np.int64)
        keys = [str(key) for key in table["key"].to_pylist()]
        return np.concatenate(vectors), keys, labels, _facts(path, facts)
    except BadVectors:
        raise
    except (OSError, KeyError, TypeError, ValueError, pyarrow.ArrowException) as error:
        raise BadVectors(f"{path} cannot be read as vectors in Parquet: {error}") from error


def _rows(chunk: Any) -> np.ndarray:
    flat = chunk.flatten().to_numpy(zero_copy_only=False)
    if flat.dtype.kind != "f" or chunk.null_count:
        raise ValueError("its column 'vector' needs lists of numbers of one length")
    return flat.reshape(len(chunk), -1)


def _facts(path: Path, text: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA or not isinstance(facts.get("classes"), list):
        raise BadVectors(f"{path} does not say how its vectors were made ({SCHEMA}); embed the pictures again")
    return facts
