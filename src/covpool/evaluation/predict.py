"""Run a network over a loader and keep what it said of every picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from math import log
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Average = Literal["logits", "softmax"]


class Batches(Protocol):
    """What ``predict`` needs of a loader: its batches of (images, labels, indices) in order."""

    def __len__(self) -> int: ...

    def epoch(self, epoch: int, start_batch: int = 0) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Predictions:
    """Logits (n, K), labels (n,) and dataset indices (n,) of the pictures that could be read, on the CPU.

    A picture that was passed over by the loader has no row: ``indices`` says which pictures the rows are.
    """

    logits: Tensor
    labels: Tensor
    indices: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def probabilities(self) -> Tensor:
        """Softmax of the logits in float32."""
        return self.logits.float().softmax(dim=1)

    @property
    def correct(self) -> Tensor:
        """Whether the highest logit is the label's; NaN logits are never right."""
        finite = ~self.logits.isnan().any(dim=1)
        return (self.logits.argmax(dim=1) == self.labels) & finite


def pick_device(device: str | torch.device = "auto") -> torch.device:
    """The device named, or for "auto" the accelerator torch reports, else the CPU.

    Raises:
        ValueError: torch knows no such device, or this machine has none.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    there = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    usual = torch.device("cpu") if there is None else there
    if device == "auto":
        return usual
    try:
        named = torch.device(device)
    except RuntimeError:
        raise ValueError(f"the device needs to be auto, cpu, cuda, cuda:1, mps, ...; got {str(device)!r}") from None
    count = torch.accelerator.device_count() if there is not None and named.type == there.type else 0
    if named.type in ("cuda", "mps", "xpu") and (named.index or 0) >= count:
        raise ValueError(f"there is no device {str(device)!r} on this machine; auto takes {usual}")
    return named


def precision_context(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Autocast to bfloat16 for "bf16-mixed", to float16 for "16-mixed"; nothing for "32-true"."""
    if precision == "32-true":
        return nullcontext()
    if precision in ("bf16-mixed", "16-mixed"):
        return torch.autocast(device.type, dtype=torch.bfloat16 if precision == "bf16-mixed" else torch.float16)
    raise ValueError(f"precision must be '32-true', 'bf16-mixed' or '16-mixed'; got {precision!r}")


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Eval mode inside the block; afterwards every submodule is back in its own former mode.

    Module by module, because a frozen part may be in eval mode inside a network in training mode.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@torch.no_grad()
def predict(
    network: nn.Module,
    loader: Batches,
    *,
    device: str | torch.device = "auto",
    precision: Precision = "32-true",
    average: Average = "logits",
    progress: Callable[[int, int], None] | None = None,
) -> Predictions:
    """Logits of every picture of ``loader``, the network in eval mode; its former modes are put back.

    Dtype: logits are returned in float32 whatever the precision of the forward pass.
    Args:
        network: moved to ``device``; parameters are not changed.
        loader: an ``eval_loader``; only its epoch 0 is read. Its pictures may be several views each, (B, V, 3, S, S).
        average: what is averaged over the views: their logits, as every published protocol of these systems does, or
            their probabilities, whose logarithm then stands for the logits.
        progress: called with (batches done, batches in all) after each batch.

    Example:
        >>> from collections import namedtuple
        >>> Batch = namedtuple("Batch", "images labels indices")
        >>> class TwoPictures:
        ...     def __len__(self):
        ...         return 1
        ...     def epoch(self, epoch, start_batch=0):
        ...         yield Batch(torch.eye(2), torch.tensor([0, 0]), torch.tensor([0, 1]))
        >>> predict(nn.Identity(), TwoPictures(), device="cpu").correct
        tensor([ True, False])
    """
    place = pick_device(device)
    network.to(place)
    logits, labels, indices = [], [], []
    with evaluating(network), precision_context(precision, place):
        for done, batch in enumerate(loader.epoch(0), start=1):
            logits.append(_logits(network, batch.images.to(place), average).cpu())
            labels.append(batch.labels)
            indices.append(batch.indices)
            if progress is not None:
                progress(done, len(loader))
    return _join(logits, labels, indices)


def _logits(network: nn.Module, images: Tensor, average: Average) -> Tensor:
    """(B, K) in float32; of views (B, V, 3, S, S) their average."""
    if images.ndim < 5:
        return network(images).float()
    views = network(images.flatten(0, 1)).float().unflatten(0, images.shape[:2])
    if average == "logits":
        return views.mean(dim=1)
    return views.log_softmax(dim=2).logsumexp(dim=1) - log(views.shape[1])


def _join(logits: list[Tensor], labels: list[Tensor], indices: list[Tensor]) -> Predictions:
    if not logits:
        raise ValueError("predict() needs at least one readable picture; the loader gave none. Check the data folder.")
    return Predictions(torch.cat(logits), torch.cat(labels), torch.cat(indices))
