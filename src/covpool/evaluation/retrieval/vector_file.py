"""Vectors with keys and labels on disk, written as they come: .npy with two files beside it, or Parquet."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from covpool.evaluation.result import write_json
from covpool.evaluation.writing.whole_file import whole_file
from covpool.foreign_text import cell

SCHEMA = "covpool-vectors/1"
COLUMNS = ("row", "key", "label", "class")
WHITENING = ".whitening.safetensors"
ENDINGS = (".npy", ".parquet")


class VectorWriter(Protocol):
    """Takes rows as they come; ``finish`` says what is known at the end."""

    rows: int

    def add(self, vectors: np.ndarray, keys: Sequence[str], labels: Sequence[int]) -> None: ...

    def finish(self, about: Mapping[str, Any]) -> None: ...


def beside(path: Path, ending: str) -> Path:
    """The file of that ending beside the vectors.

    Example:
        >>> beside(Path("birds.npy"), ".json").name
        'birds.json'
    """
    return path.with_name(path.stem + ending)


@contextmanager
def vector_writer(path: str | Path, classes: Sequence[str], *, half: bool = False) -> Iterator[VectorWriter]:
    """A writer to ``path``: ``.npy`` (with ``.csv`` of keys and labels and ``.json`` beside it) or ``.parquet``.

    One batch is in memory at a time, and no file has its name before all of it is written and flushed. A former
    ``.json`` goes before the others change and comes back last: vectors without it are unfinished.

    Args:
        classes: names of labels 0, 1, ...; -1 is a picture without a label.
        half: float16, half the size; a number beyond 65504 is an error.

    Raises:
        ValueError: another ending; no rows; numbers beyond float16.
        ModuleNotFoundError: Parquet needs pyarrow.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise ValueError(f"vectors are written to a .npy or a .parquet file; got {path.name!r}")
    kind = np.dtype(np.float16 if half else np.float32)
    with ExitStack() as stack:
        if path.suffix == ".parquet":
            writer: VectorWriter = ParquetWriter(stack, path, classes, kind)
        else:
            writer = NpyWriter(stack, path, classes, kind)
        yield writer
        if not writer.rows:
            raise ValueError("there are no vectors to write; every picture was broken")
    if isinstance(writer, NpyWriter):
        write_json(beside(path, ".json"), writer.about)


class NpyWriter:
    """A header whose number of rows is filled in at the end, and rows as they come."""

    def __init__(self, stack: ExitStack, path: Path, classes: Sequence[str], kind: np.dtype) -> None:
        self.path = path
        table: IO[bytes] = stack.enter_context(whole_file(beside(path, ".csv")))
        self.file: IO[bytes] = stack.enter_context(whole_file(path))
        self.text = io.TextIOWrapper(table, encoding="utf-8", errors="replace", newline="", write_through=True)
        stack.callback(self.text.detach)
        self.table = csv.writer(self.text, lineterminator="\n")
        self.table.writerow(COLUMNS)
        self.classes, self.kind = classes, kind
        self.rows, self.length = 0, 0
        self.about: dict[str, Any] = {}

    def add(self, vectors: np.ndarray, keys: Sequence[str], labels: Sequence[int]) -> None:
        """Append rows."""
        if not self.rows:
            self.length = vectors.shape[1]
            self._header()
        self.file.write(as_kind(vectors, self.kind).tobytes())
        for key, label in zip(keys, labels, strict=True):
            self.table.writerow([self.rows, cell(key), label, cell(self.classes[label]) if label >= 0 else ""])
            self.rows += 1

    def finish(self, about: Mapping[str, Any]) -> None:
        """The number of rows into the header; the facts are kept for the JSON file."""
        self.file.seek(0)
        self._header()
        self.file.seek(0, os.SEEK_END)
        self.about = _facts(about, self.rows, self.length, self.kind, self.classes)
        beside(self.path, ".json").unlink(missing_ok=True)

    def _header(self) -> None:
        """numpy leaves room in a header for the first dimension to grow, so that both have one length."""
        shape = {"descr": self.kind.newbyteorder("<").str, "fortran_order": False, "shape": (self.rows, self.length)}
        np.lib.format.write_array_header_1_0(self.file, shape)


class ParquetWriter:
    """Columns key, label, class and vector (a list of fixed length); the facts are in the file's metadata."""

    def __init__(self, stack: ExitStack, path: Path, classes: Sequence[str], kind: np.dtype) -> None:
        self.arrow, self.parquet = arrow()
        self.file: IO[bytes] = stack.enter_context(whole_file(path))
        self.classes, self.kind = classes, kind
        self.rows, self.length = 0, 0
        self._writer: Any = None
        stack.callback(self._close)

    def add(self, vectors: np.ndarray, keys: Sequence[str], labels: Sequence[int]) -> None:
        """Append a row group."""
        pa = self.arrow
        if self._writer is None:
            self.length = vectors.shape[1]
            numbers = pa.list_(pa.from_numpy_dtype(self.kind), self.length)
            kinds = [("key", pa.string()), ("label", pa.int64()), ("class", pa.string()), ("vector", numbers)]
            self._schema = pa.schema(kinds)
            self._writer = self.parquet.ParquetWriter(self.file, self._schema)
        flat = pa.array(as_kind(vectors, self.kind).reshape(-1))
        names = [self.classes[label] if label >= 0 else "" for label in labels]
        columns = [
            pa.array([clean(key) for key in keys], pa.string()),
            pa.array(list(map(int, labels)), pa.int64()),
            pa.array([clean(name) for name in names], pa.string()),
            pa.FixedSizeListArray.from_arrays(flat, self.length),
        ]
        self._writer.write_table(pa.table(columns, schema=self._schema))
        self.rows += len(keys)

    def finish(self, about: Mapping[str, Any]) -> None:
        """The facts into the metadata."""
        facts = _facts(about, self.rows, self.length, self.kind, self.classes)
        if self._writer is not None:
            self._writer.add_key_value_metadata({SCHEMA: json.dumps(facts)})
            self._close()

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def _facts(about: Mapping[str, Any], rows: int, length: int, kind: np.dtype, classes: Sequence[str]) -> dict[str, Any]:
    sizes = {"schema": SCHEMA, "rows": rows, "length": length, "dtype": kind.name}
    return {**sizes, **about, "classes": [clean(name) for name in classes]}


def as_kind(vectors: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Rows in the stored type; ValueError where float16 cannot hold a number."""
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(vectors, dtype=kind.newbyteorder("<"))
    if not np.isfinite(stored).all():
        raise ValueError(
            "float16 holds numbers up to 65504, and the vectors have larger ones; normalise or use float32"
        )
    return stored


def clean(name: str) -> str:
    """A name as UTF-8 can hold it."""
    return name.encode("utf-8", "replace").decode()


def arrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet; an error that says what to install."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("Parquet needs pyarrow: pip install pyarrow", name="pyarrow") from error
    return pyarrow, pyarrow.parquet
