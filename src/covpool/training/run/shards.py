"""Checkpoints in shards: a folder in which each process writes its slices of the tensors that are shared out.

    last.pt/rest.pt         the state, as in a checkpoint of one file, with a name in the place of each shared tensor
    last.pt/__R_N.distcp    the slices of process R (torch.distributed.checkpoint)
    last.pt/.metadata       where which slice is
    last.pt/sums.json       size and CRC-32 of each of these files

Any number of processes reads it. Nothing in it is executed: tensors and the rest are read by torch without pickled
code, and the metadata, which torch would unpickle, by a reader that knows the few classes they are made of.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta, TensorStorageMetadata
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor import empty as empty_slices

from covpool.training.distributed import Ranks
from covpool.training.run.writing import NotWritten

REST, SUMS, METADATA = "rest.pt", "sums.json", ".metadata"
_MARK = "in shards"


class DamagedCheckpoint(ValueError):
    """A checkpoint that is not what was written."""


def save_shards(path: Path, state: Mapping[str, Any], ranks: Ranks, *, keep: Path) -> None:
    """Write ``state`` to the folder ``path``, whole or not at all; the former checkpoint is then found at ``keep``.

    All processes have to call. A kill at any moment leaves the former checkpoint at ``path`` or at ``keep``.

    Raises:
        NotWritten: in all processes, where one of them could not write.
    """
    partial = path.with_name(f".{path.name}.partial")
    slices: dict[str, Tensor] = {}
    rest = _taken_apart(dict(state), "", slices)

    def prepare() -> None:
        _remove(partial)
        partial.mkdir()

    def write_rest() -> None:
        with (partial / REST).open("wb") as file:
            torch.save(rest, file)
            file.flush()
            os.fsync(file.fileno())

    def finish() -> None:
        _write_sums(partial)
        with set_aside(path, keep, always=True):
            if path.exists():
                path.rename(keep)
            partial.rename(path)
            _flush(path.parent)

    _as_one(ranks, path, prepare, first=True)
    writer = _Writer(partial)
    _as_one(ranks, path, lambda: dcp.save(slices, storage_writer=writer, process_group=ranks.group))
    _as_one(ranks, path, write_rest, first=True)
    _as_one(ranks, path, finish, first=True)


def load_shards(path: Path, ranks: Ranks | None = None, mesh: DeviceMesh | None = None) -> dict[str, Any]:
    """The state in the folder ``path``.

    Args:
        ranks: the processes that read it together, each a part of the checksums; default: this one for itself.
        mesh: the processes among which its tensors are shared out again; None: every tensor is whole.

    Raises:
        DamagedCheckpoint: not what was written.
    """
    ranks = ranks or Ranks()
    wrong = [found for found in ranks.share(ranks.gather(_first_wrong(path, ranks.rank, ranks.size))) if found]
    if wrong:
        raise DamagedCheckpoint(f"{path} cannot be read as a checkpoint: {wrong[0]}")
    rest = torch.load(path / REST, map_location="cpu", weights_only=True)
    reader = _Reader(path)
    slices = {name: _room_for(found, mesh) for name, found in reader.read_metadata().state_dict_metadata.items()}
    try:
        with warnings.catch_warnings():  # that this process reads alone is meant
            warnings.filterwarnings("ignore", message="torch.distributed is disabled, unavailable or uninitialized")
            dcp.load(slices, storage_reader=reader, process_group=ranks.group, no_dist=mesh is None)
    except CheckpointException as error:  # no Exception, so nobody else would catch it
        raise DamagedCheckpoint(f"{path} cannot be read as a checkpoint: {_reason(error)}") from error
    return cast(dict[str, Any], _put_together(rest, slices))


def _room_for(found: Any, mesh: DeviceMesh | None) -> Tensor:
    if not isinstance(found, TensorStorageMetadata):
        raise ValueError("something else than tensors is in its shards")
    if mesh is None:
        return torch.empty(found.size, dtype=found.properties.dtype)
    return empty_slices(found.size, dtype=found.properties.dtype, device_mesh=mesh, placements=[Shard(0)])


def _taken_apart(thing: Any, name: str, slices: dict[str, Tensor]) -> Any:
    """``thing`` with a mark for each tensor that is shared out; these go to ``slices`` by their names."""
    if isinstance(thing, DTensor):
        slices[name] = thing
        return {_MARK: name}
    if isinstance(thing, Mapping):
        return {key: _taken_apart(value, f"{name}/{key}", slices) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_taken_apart(value, f"{name}/{place}", slices) for place, value in enumerate(thing)]
    return thing


def _put_together(thing: Any, slices: Mapping[str, Tensor]) -> Any:
    if isinstance(thing, dict):
        if set(thing) == {_MARK}:
            return slices[thing[_MARK]]
        return {key: _put_together(value, slices) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_put_together(value, slices) for value in thing]
    return thing


@contextmanager
def set_aside(path: Path, keep: Path, *, always: bool = False) -> Iterator[None]:
    """Take what is at ``keep`` out of the way of ``path``, where one of them is a folder: folders replace nothing.

    It is removed when the block is done, and put back where the block failed.
    """
    old = keep.with_name(f".{keep.name}.old")
    if not keep.exists() or not (always or path.is_dir() or keep.is_dir()):
        yield
        return
    _remove(old)
    keep.rename(old)
    try:
        yield
    except BaseException:
        if not keep.exists():
            old.rename(keep)
        raise
    _remove(old)


def _as_one(ranks: Ranks, path: Path, work: Callable[[], Any], *, first: bool = False) -> None:
    """Do ``work``, in the first process alone or in all; what the system refuses to one it refuses to all."""
    reason = ""
    try:
        if ranks.is_first or not first:
            work()
    except (OSError, CheckpointException) as error:
        reason = _reason(error)
    except RuntimeError as error:  # torch reports a full disk as a position that it did not expect
        if not isinstance(error.__context__, OSError):
            raise
        reason = _reason(error.__context__)
    if found := [told for told in ranks.share(ranks.gather(reason)) if told]:
        raise NotWritten(path, found[0])


def _reason(error: BaseException) -> str:
    inside = [found for found, _ in error.failures.values()] if isinstance(error, CheckpointException) else [error]
    system = next((found for found in inside if isinstance(found, OSError) and found.strerror), None)
    return str(system.strerror) if system is not None else str(inside[0]).splitlines()[0]


def _write_sums(folder: Path) -> None:
    sums = {file.name: _sum_of(file) for file in sorted(folder.iterdir())}
    with (folder / SUMS).open("w", encoding="utf-8") as file:
        json.dump(sums, file)
        file.flush()
        os.fsync(file.fileno())
    _flush(folder)


def _first_wrong(path: Path, rank: int, size: int) -> str:
    """What is wrong with the files that process ``rank`` of ``size`` looks at; nothing is an empty text."""
    try:
        sums = json.loads((path / SUMS).read_text(encoding="utf-8"))
        if not {REST, METADATA} <= set(sums):
            return f"{SUMS} in it names no {REST} or no {METADATA}"
        for name in sorted(sums)[rank::size]:
            if Path(name).name != name or _sum_of(path / name) != sums[name]:
                return f"{name} in it is not what was written"
    except (OSError, ValueError, TypeError) as error:
        return str(error)
    return ""


def _sum_of(file: Path) -> list[int]:
    total = 0
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            total = zlib.crc32(piece, total)
    return [file.stat().st_size, total]


def _flush(folder: Path) -> None:
    """Names on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


class _Writer(dcp.FileSystemWriter):
    """torch's writer, whose metadata do not say where the folder lay when it was written."""

    def storage_meta(self) -> StorageMeta:
        """Nothing but the number of the writing."""
        return StorageMeta(save_id=self.save_id)


class _Reader(dcp.FileSystemReader):
    """torch's reader, whose metadata are unpickled without running what is in them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._place = path

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """What the folder holds."""
        with (self._place / METADATA).open("rb") as file:
            metadata = _Unpickler(file).load()
        if not isinstance(metadata, Metadata):
            raise ValueError(f"{METADATA} in it holds no metadata")
        return metadata


_KNOWN = {
    "torch.distributed.checkpoint.metadata": [
        *("Metadata", "MetadataIndex", "TensorStorageMetadata", "ChunkStorageMetadata", "TensorProperties"),
        *("StorageMeta", "_MEM_FORMAT_ENCODING"),
    ],
    "torch.distributed.checkpoint.filesystem": ["_StorageInfo"],
    "torch.serialization": ["_get_layout"],
    "torch": ["Size", *(str(dtype).removeprefix("torch.") for dtype in (torch.float32, torch.float64, torch.bfloat16))],
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Those that metadata are made of."""
        if name not in _KNOWN.get(module, ()):
            raise pickle.UnpicklingError(f"{METADATA} in it asks for {module}.{name}, which no checkpoint needs")
        return super().find_class(module, name)
