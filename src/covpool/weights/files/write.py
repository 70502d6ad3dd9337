"""Arrays -> a file of the kind that their users expect."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from scipy.io import savemat
from torch import Tensor

from covpool.formats.mindspore_ckpt import write_mindspore
from covpool.formats.tensorflow import write_tensorflow


def write_arrays(arrays: Mapping[str, Tensor], path: str | Path) -> Path:
    """Write arrays; the suffix says how.

    ``.pth`` and ``.pt``: a state dict of PyTorch. ``.safetensors``. ``.ckpt``: MindSpore. ``.index``: a TensorFlow
    checkpoint, with its ``.data`` beside it. ``.mat``: where the names are numbers, the cell ``params`` of the
    TensorFlow release of fast MPN-COV; else the struct ``net`` of MatConvNet with its ``params`` (no layers).

    Raises:
        ValueError: another suffix.
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise ValueError(f"weights are written to {', '.join(_WRITERS)} files; got {path.name!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    _WRITERS[path.suffix]({name: array.detach().cpu().contiguous() for name, array in arrays.items()}, path)
    return path


def _torch(arrays: Mapping[str, Tensor], path: Path) -> None:
    torch.save({name: array.clone() for name, array in arrays.items()}, path)


def _safetensors(arrays: Mapping[str, Tensor], path: Path) -> None:
    save_file({name: array.clone() for name, array in arrays.items()}, path)


def _mindspore(arrays: Mapping[str, Tensor], path: Path) -> None:
    write_mindspore(_in_numpy(arrays), path)


def _tensorflow(arrays: Mapping[str, Tensor], path: Path) -> None:
    write_tensorflow(_in_numpy(arrays), path.with_suffix(""))


def _matlab(arrays: Mapping[str, Tensor], path: Path) -> None:
    content: dict[str, Any]
    if all(name.isdigit() for name in arrays):
        content = {"params": _cell(_in_numpy(arrays).values())}
    else:
        rows = np.zeros((1, len(arrays)), [(name, object) for name in ("name", "value", "learningRate", "weightDecay")])
        for place, (name, array) in enumerate(_in_numpy(arrays).items()):
            rows[0, place] = (name, array, 1.0, 1.0)
        content = {"net": {"vars": _cell([]), "params": rows, "layers": _cell([]), "meta": {}}}
    savemat(path, content, do_compression=True)


def _cell(values: Any) -> np.ndarray:
    values = list(values)
    cell = np.empty((1, len(values)), object)
    for place, value in enumerate(values):
        cell[0, place] = value
    return cell


def _in_numpy(arrays: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: array.numpy() for name, array in arrays.items()}


_WRITERS = {
    ".pth": _torch,
    ".pt": _torch,
    ".safetensors": _safetensors,
    ".ckpt": _mindspore,
    ".index": _tensorflow,
    ".mat": _matlab,
}
