"""PyTorch files: what they may hold is looked at before they are read, and nothing in them is run.

``torch.load(weights_only=True)`` runs no code of the file. It does make what the file asks for, though, whatever its
size, so the archive and the pickle are checked first: no compressed entries, no names but those of ``_MAY_NAME``.
"""

from __future__ import annotations

import argparse
import logging
import warnings
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from covpool.formats.arrays import Arrays, Stored
from covpool.formats.corrupt import CorruptFile
from covpool.weights.files.pickle_scan import names_in_pickle
from covpool.weights.files.shards import is_sharded, read_shards

logger = logging.getLogger("covpool")

LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")  # the pickled magic number of torch.save before 1.6
_ZIP = b"PK\x03\x04"
_LEGACY_PICKLES = 5  # magic number, protocol, machine, content, keys of the storages
_MOST_ENTRIES = 1 << 17
_FOLDER = 0x10  # of an entry's attributes
_VIEWS = 4  # how often, on average, a number may be in the tensors of a file (tied weights, saved views)

# Where files of training programs keep the network among other things, in the order they are looked for: averaged
# weights first (timm writes state_dict_ema).
_NESTED = ("ema", "state_dict_ema", "model_ema", "network", "state_dict", "model")
_DEEPEST = 3

# Data only: numbers of NumPy (best_prec1 of some main.py) and the arguments of timm's train.py. Everything else that
# torch allows by default and that makes no tensor of weights (torch.Tensor(n), bytearray(n)) is not in the list.
_MAY_NAME = {
    *(f"torch._utils.{name}" for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")),
    *("collections.OrderedDict", "collections.Counter", "torch.Size", "torch.device", "_codecs.encode"),
    *("torch.nn.parameter.Parameter", "torch.storage.UntypedStorage", "torch.storage.TypedStorage"),
    *("argparse.Namespace", "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    *("builtins.set", "builtins.complex", "__builtin__.set", "__builtin__.complex"),
    *(f"torch.{name}" for name, value in vars(torch).items() if isinstance(value, torch.dtype)),
    *(f"torch.{name}" for name in dir(torch) if name.endswith("Storage")),
}
_NUMBERS = [type(np.dtype(code)) for code in "?bBhHiIlLqQefd"]
_DATA: list[Any] = [argparse.Namespace, np.dtype, *dict.fromkeys(_NUMBERS)]
_SCALAR: Any = np.float64(0).__reduce__()[0]  # numpy.core.multiarray.scalar, wherever this NumPy has it
_SCALARS = [(_SCALAR, name) for name in _MAY_NAME if name.endswith("multiarray.scalar")]


def read_torch(path: str | Path) -> Any:
    """The content of a PyTorch file, in which no code is run; tensors stay in the file until they are used.

    Of a folder of ``read_shards`` it is the state in it, without that of the optimizer.

    Raises:
        CorruptFile: cut, damaged, or holding something else than data.
        OSError: it cannot be opened.
    """
    if is_sharded(path):
        return read_shards(path)
    with open(path, "rb") as file:
        head = file.read(len(LEGACY))
        packed = head.startswith(_ZIP)
        if not packed and head != LEGACY:
            raise _unreadable(path, "it does not begin as one")
        file.seek(0)
        try:
            named = _names_in_archive(file) if packed else _names_in_legacy(file)
        except CorruptFile:
            raise
        except Exception as error:  # the bytes of a stranger raise anything
            raise _unreadable(path, _first_line(error)) from error
    strange = sorted(name for name in named if name not in _MAY_NAME)
    if strange:
        raise _unreadable(path, f"it asks for {', '.join(strange[:4])}, and only plain data is read")
    return _load(path, packed)


def _load(path: str | Path, packed: bool) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([*_DATA, *_SCALARS]):
            warnings.simplefilter("ignore")  # about protocols and old classes of storages, which change nothing here
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=packed)
    except Exception as error:
        raise _unreadable(path, _first_line(error)) from error


def _unreadable(path: str | Path, reason: str) -> CorruptFile:
    return CorruptFile(
        str(path),
        f"it cannot be read as a PyTorch file of plain weights: {reason}; copy it again, or save its state_dict()",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0].rstrip(".") or type(error).__name__


def _names_in_archive(file: IO[bytes]) -> set[str]:
    """The names in the pickle of a zip, whose entries lie in it as they are."""
    size = file.seek(0, 2)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or any("/code/" in entry.filename for entry in entries):
            raise ValueError("the zip archive has no data.pkl, or is a script with code in it")
        packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
        if packed or len(entries) > _MOST_ENTRIES or sum(entry.file_size for entry in entries) > size:
            raise ValueError("the entries of the zip archive are compressed or overlap, which torch.save never does")
        if (wrong := damaged_entry(archive)) is not None:
            raise ValueError(f"{wrong} in it is not what was written")
        return set(names_in_pickle(BytesIO(archive.read(pickles[0]))))


def damaged_entry(archive: zipfile.ZipFile) -> str | None:
    """The first entry that is not what was written; None where all are.

    torch itself compares no checksums, and takes an entry whose attributes say "a folder" for an empty one.
    """
    folders = (entry.filename for entry in archive.infolist() if entry.external_attr & _FOLDER)
    return next(folders, None) or archive.testzip()


def _names_in_legacy(file: IO[bytes]) -> set[str]:
    return {name for _ in range(_LEGACY_PICKLES) for name in names_in_pickle(file)}


def read_torch_arrays(path: str | Path) -> Arrays:
    """The weights of a PyTorch file; those of the network where it is the checkpoint of a training.

    Raises:
        CorruptFile: it holds no mapping of names to tensors, or cannot be read.
    """
    content = read_torch(path)
    found: list[str] = []
    while isinstance(content, Mapping) and len(found) < _DEEPEST:
        key = next((key for key in _NESTED if isinstance(content.get(key), Mapping) and content[key]), None)
        if key is None:
            break
        found.append(key)
        content = content[key]
    if found:
        logger.info("%s: taking the weights under %s", path, ".".join(map(repr, found)))
    stored, left_out = {}, {}
    for name, value in content.items() if isinstance(content, Mapping) else ():
        if isinstance(name, str) and isinstance(value, Tensor):
            stored[name] = _stored(value, name, path)
        else:
            left_out[str(name)] = f"a {type(value).__name__}"
    if not stored or (left_out and not found):
        raise CorruptFile(str(path), f"it holds no weights: names and tensors were needed, got {_described(content)}")
    _check_views(content.values(), path)
    return Arrays(stored, "PyTorch", left_out=left_out)


def _stored(value: Tensor, name: str, path: str | Path) -> Stored:
    if value.layout != torch.strided or value.is_meta or value.is_quantized:
        raise CorruptFile(str(path), f"{name!r} is a sparse, quantized or empty-handed tensor; plain ones were needed")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise CorruptFile(
            str(path), f"{name!r} of shape {tuple(value.shape)} says one number many times; save a contiguous() one"
        )
    return Stored(tuple(value.shape), str(value.dtype).removeprefix("torch."), lambda: value)


def _check_views(values: Any, path: str | Path) -> None:
    """Tensors that share their numbers would be copies for a reader of all of them."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    kept = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}
    if sum(one.numel() * one.element_size() for one in tensors) > _VIEWS * sum(kept.values()):
        raise CorruptFile(str(path), "its tensors show the same numbers over and over; no network does, it is refused")


def _described(content: Any) -> str:
    if isinstance(content, Mapping):
        return f"a mapping of {', '.join(map(str, list(content)[:5]))}"
    return f"a {type(content).__name__}"
