"""A published file -> the state dict of our network of that name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import Tensor

from covpool.weights.convert import convert
from covpool.weights.files.read import read_arrays
from covpool.weights.rename import Ledger

_PIECE = 1 << 20


def import_file(path: str | Path, network: str, *, dialect: str | None = None) -> tuple[dict[str, Tensor], Ledger]:
    """Read a file and convert it, as ``convert`` does.

    A file that knows the order in which its variables were made (the object graph of a TensorFlow 2 checkpoint,
    Keras' ``.h5``) is converted as the list of them, since Keras numbers its names through whatever was built before;
    what else such a file holds, slots of optimizers for one, is ``dropped`` in the ledger.

    Raises:
        CorruptFile: the file cannot be read.
        WeightsMismatch: it does not fit the network.
        ValueError: an unknown network or dialect.
    """
    arrays = read_arrays(path)
    order = getattr(arrays, "order", None)
    if not order:
        return convert(arrays, network, dialect=dialect)
    state, ledger = convert([arrays[name] for name in order], network, dialect=dialect)
    ledger.dropped += [name for name in arrays if name not in set(order)]
    return state, ledger


def digests(path: str | Path) -> dict[str, str]:
    """The MD5 and SHA-256 of a file, by which releases name theirs.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     digests(file.name)["md5"]
        'd41d8cd98f00b204e9800998ecf8427e'
    """
    kinds = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            for kind in kinds.values():
                kind.update(piece)
    return {name: kind.hexdigest() for name, kind in kinds.items()}
