"""Checkpoints in shards: a folder in which each process writes its slices of the tensors that are shared out.

``covpool.weights.files.shards`` tells what lies in it, and reads it in one process; here any number of them does.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import StorageMeta
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor import empty as empty_slices

from covpool.training.distributed import Ranks
from covpool.training.run.writing import NotWritten
from covpool.weights.files.shards import (
    MARK,
    REST,
    SUMS,
    ShardReader,
    first_wrong,
    load_slices,
    put_together,
    room_for,
    sum_of,
)


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
    own = first_wrong(path, ranks.rank, ranks.size)
    ranks.wait()
    wrong = [found for found in ranks.share(ranks.gather(own)) if found]
    if wrong:
        raise DamagedCheckpoint(f"{path} cannot be read as a checkpoint: {wrong[0]}")
    rest = torch.load(path / REST, map_location="cpu", weights_only=True)
    reader = ShardReader(path)
    slices = {name: _room_for(found, mesh) for name, found in reader.read_metadata().state_dict_metadata.items()}
    try:
        load_slices(slices, reader, process_group=ranks.group, no_dist=mesh is None)
    except CheckpointException as error:  # no Exception, so nobody else would catch it
        raise DamagedCheckpoint(f"{path} cannot be read as a checkpoint: {_reason(error)}") from error
    return cast(dict[str, Any], put_together(rest, slices))


def _room_for(found: Any, mesh: DeviceMesh | None) -> Tensor:
    room = room_for(found)
    return room if mesh is None else empty_slices(room.shape, dtype=room.dtype, device_mesh=mesh, placements=[Shard(0)])


def _taken_apart(thing: Any, name: str, slices: dict[str, Tensor]) -> Any:
    """``thing`` with a mark for each tensor that is shared out; these go to ``slices`` by their names."""
    if isinstance(thing, DTensor):
        slices[name] = thing
        return {MARK: name}
    if isinstance(thing, Mapping):
        return {key: _taken_apart(value, f"{name}/{key}", slices) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_taken_apart(value, f"{name}/{place}", slices) for place, value in enumerate(thing)]
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
    ranks.wait()  # disks are no faster than they are
    if found := [told for told in ranks.share(ranks.gather(reason)) if told]:
        raise NotWritten(path, found[0])


def _reason(error: BaseException) -> str:
    inside = [found for found, _ in error.failures.values()] if isinstance(error, CheckpointException) else [error]
    system = next((found for found in inside if isinstance(found, OSError) and found.strerror), None)
    return str(system.strerror) if system is not None else str(inside[0]).splitlines()[0]


def _write_sums(folder: Path) -> None:
    sums = {file.name: sum_of(file) for file in sorted(folder.iterdir())}
    with (folder / SUMS).open("w", encoding="utf-8") as file:
        json.dump(sums, file)
        file.flush()
        os.fsync(file.fileno())
    _flush(folder)


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
