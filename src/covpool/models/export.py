"""Networks as programs that need no covpool: ``torch.export`` and ONNX, checked against the network itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from covpool.models.network import Network

logger = logging.getLogger("covpool")

TOLERANCE = 1e-5
"""Largest relative error, in norm, of a program's logits against the network's."""


class NotTheSame(ValueError):
    """A program whose logits are not those of its network; ``error`` is the relative error."""

    def __init__(self, path: Path, error: float) -> None:
        self.path, self.error = path, error
        super().__init__(
            f"{path} gives other logits than the network: relative error {error:.1e}, {TOLERANCE:g} allowed. It was "
            "written, but do not use it; torch and onnxruntime of another version may do better"
        )


def export_program(network: Network, path: str | Path, *, image_size: int | None = None) -> Path:
    """Write a network as a ``torch.export`` program (``.pt2``) for any number of images, and compare it with eager.

    Args:
        network: taken in eval mode, whatever its mode is.
        path: where; ``torch.export.load(path).module()(images)`` runs it.
        image_size: of the square images it is for; None: that of its ``pretrained_cfg``.

    Raises:
        NotTheSame: its logits differ by more than 1e-5 from those of the network.
        ValueError: another suffix.
    """
    path = _with_suffix(path, ".pt2")
    network, images = _prepared(network, image_size)
    program = torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, path)
    _compare(network, program.module(), images, path)
    return path


def export_onnx(network: Network, path: str | Path, *, image_size: int | None = None) -> Path:
    """Write a network as an ONNX file for any number of images, and compare it with eager where onnxruntime is there.

    Its input is ``images`` (B, 3, H, W), normalised as ``network.pretrained_cfg`` says; its output is ``logits``.

    Args:
        network: taken in eval mode, whatever its mode is.
        path: where; ends in ``.onnx``.
        image_size: of the square images it is for; None: that of its ``pretrained_cfg``.

    Raises:
        NotTheSame: its logits differ by more than 1e-5 from those of the network.
        ValueError: another suffix, or ``covpool[export]`` is not installed.
    """
    path = _with_suffix(path, ".onnx")
    if missing := [name for name in ("onnx", "onnxscript") if find_spec(name) is None]:
        raise ValueError(f"an ONNX file needs {' and '.join(missing)}; run: pip install 'covpool[export]'")
    network, images = _prepared(network, image_size)
    program = torch.onnx.export(
        network,
        (images,),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        input_names=["images"],
        output_names=["logits"],
        verbose=False,
    )
    assert program is not None
    program.save(path, external_data=False)
    if find_spec("onnxruntime") is None:
        logger.warning("%s is not compared with the network, since onnxruntime is not installed", path)
    else:
        _compare(network, _onnx_function(path), images, path)
    return path


def _with_suffix(path: str | Path, suffix: str) -> Path:
    path = Path(path)
    if path.suffix != suffix:
        raise ValueError(f"the file needs to end in {suffix}; got {path.name!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _prepared(network: Network, image_size: int | None) -> tuple[Network, Tensor]:
    """The network in eval mode, and two images of another kind than zeros, always the same ones."""
    channels, height, width = network.pretrained_cfg["input_size"]
    shape = (channels, height, width) if image_size is None else (channels, image_size, image_size)
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    like = next(network.parameters())
    return network.eval(), images.to(like.device, like.dtype)


def _compare(network: nn.Module, program: Callable[[Tensor], Tensor], images: Tensor, path: Path) -> None:
    """One image more than it was traced with, so that a batch that was frozen is noticed."""
    more = torch.cat([images, images[:1].flip(-1)])
    with torch.no_grad():
        expected, got = network(more), program(more)
    error = float((got - expected).norm() / expected.norm().clamp(min=torch.finfo(expected.dtype).tiny))
    if not error <= TOLERANCE:
        raise NotTheSame(path, error)
    logger.info("%s gives the logits of the network: relative error %.1e", path, error)


def _onnx_function(path: Path) -> Callable[[Tensor], Tensor]:
    from onnxruntime import InferenceSession

    session: Any = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.cpu().numpy()})[0]).to(images.device)
