"""Any file of weights -> its arrays. The format is told from the content, never from the name alone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from covpool.formats.arrays import Arrays, Stored
from covpool.formats.corrupt import CorruptFile
from covpool.formats.hdf5.headers import SIGNATURE
from covpool.formats.keras_h5 import read_keras_h5
from covpool.formats.matconvnet import read_matlab
from covpool.formats.mindspore_ckpt import read_mindspore
from covpool.formats.tensorflow import read_tensorflow
from covpool.formats.tensorflow.table import MAGIC
from covpool.weights.files.shards import is_sharded
from covpool.weights.files.torch_file import LEGACY, read_torch_arrays

_LARGEST_HEADER = 100_000_000  # of safetensors, in its own reader
_DATA = re.compile(r".+\.data-\d{5}-of-\d{5}")
_PACKED = {
    b"\x1f\x8b": "gzip-compressed; run gunzip on it first",
    b"BZh": "bzip2-compressed; run bunzip2 on it first",
    b"\xfd7zXZ": "xz-compressed; run unxz on it first",
    b"(\xb5/\xfd": "zstd-compressed; run unzstd on it first",
    b"\x93NUMPY": "a single array of NumPy; a file with the arrays of a network was needed",
    b"<!DOCTYPE": "a web page: the download did not give the file; fetch it again",
    b"<html": "a web page: the download did not give the file; fetch it again",
    b"version https://git-lfs": "a pointer of git-lfs, not the file; run git lfs pull",
}


def read_arrays(path: str | Path) -> Mapping[str, Any]:
    """Name -> array of a file of weights, each read when it is asked for; nothing in the file is run.

    PyTorch files (``.pth``, ``.pth.tar``, old and new, checkpoints in shards) are read with ``weights_only`` and a list
    of what they may hold; the network among the other things of a training is found. ``.safetensors``, TensorFlow 1
    and 2 checkpoints (any of their files, or the folder), Keras ``.h5``, MatConvNet ``.mat`` and MindSpore ``.ckpt``
    need no framework. Lists of arrays have the names ``"0"``, ``"1"``, ...

    Raises:
        CorruptFile: (a ValueError) it is missing, cut, damaged, of a kind that is not read, or needs code to be run.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({"epoch": 3, "state_dict": {"fc.bias": torch.zeros(2)}}, f"{folder}/a.pth")
        ...     list(read_arrays(f"{folder}/a.pth"))
        ['fc.bias']
    """
    try:
        return find_format(path)(path)
    except OSError as error:
        raise CorruptFile(str(path), error.strerror or str(error)) from error


def find_format(path: str | Path) -> Callable[[str | Path], Arrays]:
    """The reader for a file.

    Raises:
        CorruptFile: it is missing, or no format that is read.
    """
    path = Path(path)
    if is_sharded(path):
        return read_torch_arrays
    if path.is_dir() or path.name == "checkpoint" or _DATA.fullmatch(path.name):
        return read_tensorflow
    if not path.is_file():
        if Path(f"{path}.index").is_file():
            return read_tensorflow
        raise CorruptFile(str(path), "there is no such file")
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(1024)
        file.seek(max(size - len(MAGIC), 0))
        tail = file.read(len(MAGIC))
    if not size:
        raise CorruptFile(str(path), "it is empty (0 bytes); copy or download it again")
    return _by_content(path, head, tail, size)


def _by_content(path: Path, head: bytes, tail: bytes, size: int) -> Callable[[str | Path], Arrays]:
    _refuse(path, head)
    if head.startswith((b"PK\x03\x04", LEGACY)):
        return read_torch_arrays
    if head.startswith(b"MATLAB ") or head[126:128] in (b"IM", b"MI"):
        return read_matlab
    if head.startswith(SIGNATURE):
        return read_keras_h5
    header = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and header <= min(size, _LARGEST_HEADER):
        return read_safetensors
    if tail == MAGIC:
        return read_tensorflow if path.suffix == ".index" else _refuse_first_format
    if head.startswith(b"\n"):  # the key of the first field of a protobuf
        return read_mindspore
    known = "PyTorch, safetensors, TensorFlow (.index), Keras (.h5), MATLAB (.mat) and MindSpore (.ckpt) files are read"
    raise CorruptFile(str(path), f"its content is of no format that is known; {known}, or it is damaged", 0)


def _refuse(path: Path, head: bytes) -> None:
    for magic, what in _PACKED.items():
        if head.startswith(magic):
            raise CorruptFile(str(path), f"it is {what}", 0)
    if head[257:262] == b"ustar":
        raise CorruptFile(
            str(path),
            "it is a tar archive: either unpack it, or it is of PyTorch before 0.1.10 (2017), whose files run code "
            "when they are read; load it there with that version and save its state_dict() again",
            257,
        )
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and not head.startswith(LEGACY):
        raise CorruptFile(str(path), "it is a Python pickle and none of PyTorch; reading it would run what it says", 0)


def _refuse_first_format(path: str | Path) -> Arrays:
    raise CorruptFile(
        str(path),
        "it is of TensorFlow's first checkpoint format (one file), or an index under another name; name the .index "
        "file, or restore it in TensorFlow and save it again with tf.compat.v1.train.Saver",
    )


def read_safetensors(path: str | Path) -> Arrays:
    """The tensors of a ``.safetensors`` file.

    Raises:
        CorruptFile: cut or damaged.
    """
    try:
        file = safe_open(path, framework="pt")
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        stored = {
            name: Stored(tuple(one.get_shape()), str(one.get_dtype()), partial(file.get_tensor, name))
            for name, one in slices.items()
        }
    except SafetensorError as error:
        raise CorruptFile(str(path), f"safetensors finds it damaged ({error}); copy it again") from error
    return Arrays(stored, "safetensors")
