"""Checkpoints in shards, read: a folder in which each process of a training wrote its slices of shared tensors.

    last.pt/rest.pt         the state, as in a checkpoint of one file, with a name in the place of each shared tensor
    last.pt/__R_N.distcp    the slices of process R (torch.distributed.checkpoint)
    last.pt/.metadata       where which slice is
    last.pt/sums.json       size and CRC-32 of each of these files

Nothing in it is executed: tensors and the rest are read by torch without pickled code, and the metadata, which torch
would unpickle, by a reader that knows the few classes they are made of.
"""

from __future__ import annotations

import json
import pickle
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata

from covpool.formats.corrupt import CorruptFile

REST, SUMS, METADATA = "rest.pt", "sums.json", ".metadata"
MARK = "in shards"


def is_sharded(path: str | Path) -> bool:
    """Whether a checkpoint in shards lies there."""
    return (Path(path) / SUMS).is_file()


def read_shards(path: str | Path) -> dict[str, Any]:
    """The state in the folder ``path`` with every tensor whole, read by this process alone; see ``read_torch``.

    What the optimizer keeps, which is most of it, stays on the disk.

    Raises:
        CorruptFile: not what was written.
    """
    path = Path(path)
    try:
        if wrong := first_wrong(path):
            raise ValueError(wrong)
        rest = torch.load(path / REST, map_location="cpu", weights_only=True)
        reader = ShardReader(path)
        found = reader.read_metadata().state_dict_metadata
        room = {name: room_for(one) for name, one in found.items() if not name.startswith("/optimizer/")}
        load_slices(room, reader)
        return cast(dict[str, Any], put_together({key: rest[key] for key in rest if key != "optimizer"}, room))
    except (Exception, CheckpointException) as error:  # what a damaged file makes of its readers has many kinds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        advice = "take the checkpoint before it, previous.pt"
        raise CorruptFile(str(path), f"it cannot be read as a checkpoint in shards: {reason}; {advice}") from error


def load_slices(room: dict[str, Any], reader: ShardReader, **how: Any) -> None:
    """Fill the tensors of ``room``; ``how`` is dcp.load's, by default this process reads alone."""
    with warnings.catch_warnings():  # that this process reads alone is meant
        warnings.filterwarnings("ignore", message="torch.distributed is disabled, unavailable or uninitialized")
        dcp.load(room, storage_reader=reader, **({"no_dist": True} | how))


def room_for(found: Any) -> Tensor:
    """An empty tensor for what the metadata tell of one; ValueError where they tell of something else."""
    if not isinstance(found, TensorStorageMetadata):
        raise ValueError("something else than tensors is in its shards")
    return torch.empty(found.size, dtype=found.properties.dtype)


def put_together(thing: Any, slices: Mapping[str, Tensor]) -> Any:
    """``thing`` with the tensors in the place of their marks."""
    if isinstance(thing, dict):
        if set(thing) == {MARK}:
            return slices[thing[MARK]]
        return {key: put_together(value, slices) for key, value in thing.items()}
    if isinstance(thing, list):
        return [put_together(value, slices) for value in thing]
    return thing


def first_wrong(path: Path, rank: int = 0, size: int = 1) -> str:
    """What is wrong with the files that process ``rank`` of ``size`` looks at; nothing is an empty text."""
    try:
        sums = json.loads((path / SUMS).read_text(encoding="utf-8"))
        if not {REST, METADATA} <= set(sums):
            return f"{SUMS} in it names no {REST} or no {METADATA}"
        for name in sorted(sums)[rank::size]:
            if Path(name).name != name or sum_of(path / name) != sums[name]:
                return f"{name} in it is not what was written"
    except (OSError, ValueError, TypeError) as error:
        return str(error)
    return ""


def sum_of(file: Path) -> list[int]:
    """Size and CRC-32."""
    total = 0
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            total = zlib.crc32(piece, total)
    return [file.stat().st_size, total]


class ShardReader(dcp.FileSystemReader):
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
