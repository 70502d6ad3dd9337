"""Checkpoints: plain tensors, numbers, texts, lists and mappings, on the disk whole or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch.distributed.device_mesh import DeviceMesh

from covpool.training.distributed import Ranks
from covpool.training.run.shards import DamagedCheckpoint, load_shards
from covpool.training.run.writing import whole_file
from covpool.weights.files.torch_file import damaged_entry

FORMAT = "covpool-checkpoint/1"


def save_checkpoint(path: Path, state: Mapping[str, Any], *, keep: Path | None = None) -> None:
    """Write ``state`` to ``path``, whole or not at all; the former file is then found at ``keep``.

    Raises:
        NotWritten: the disk is full, or the folder cannot be written.
    """
    with whole_file(path, keep=keep) as file:
        torch.save({"format": FORMAT, **state}, file)


def load_checkpoint(path: Path, ranks: Ranks | None = None, mesh: DeviceMesh | None = None) -> dict[str, Any]:
    """The state in the file ``path``, or in the folder ``path`` of shards, on the CPU; nothing in it is executed.

    Args:
        ranks, mesh: of a folder, see ``load_shards``; a file is read whole by whoever asks.

    Raises:
        DamagedCheckpoint: the file is no checkpoint of this format, or not the one that was written: checksums tell
            what torch would take for weights.
    """
    try:
        if path.is_dir():
            state = load_shards(path, ranks, mesh)
        else:
            _check_sums(path)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        reason = "it holds other things than tensors, numbers, texts, lists and mappings, and may be unsafe"
        raise DamagedCheckpoint(f"{path} cannot be read as a checkpoint: {reason}") from error
    except (FileNotFoundError, DamagedCheckpoint):
        raise
    except Exception as error:  # what a damaged file makes of its readers has many kinds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedCheckpoint(f"{path} cannot be read as a checkpoint: {reason}") from error
    found = state.get("format") if isinstance(state, dict) else None
    if found != FORMAT:
        raise DamagedCheckpoint(f"{path} needs the format {FORMAT!r}; got {found!r}. Is it a file of another program?")
    return state


def _check_sums(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        wrong = damaged_entry(archive)
    if wrong is not None:
        raise ValueError(f"{wrong} in it is not what was written")
