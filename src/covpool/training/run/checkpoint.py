"""Checkpoints: plain tensors, numbers, texts, lists and mappings, on the disk whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any

import torch

FORMAT = "covpool-checkpoint/1"


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` to ``path``, whole or not at all."""
    with whole_file(path) as file:
        torch.save({"format": FORMAT, **state}, file)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name only when it is written and flushed to the disk.

    An error or a kill at any moment leaves the former file, or none, in place.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with scratch.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state in the file ``path``, on the CPU; nothing in the file is executed.

    Raises:
        ValueError: the file is no checkpoint of this format.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        reason = "it holds other things than tensors, numbers, texts, lists and mappings, and may be unsafe"
        raise ValueError(f"{path} cannot be read as a checkpoint: {reason}") from error
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} cannot be read as a checkpoint: {reason}") from error
    found = state.get("format") if isinstance(state, dict) else None
    if found != FORMAT:
        raise ValueError(f"{path} needs the format {FORMAT!r}; got {found!r}. Is it a file of another program?")
    return state
