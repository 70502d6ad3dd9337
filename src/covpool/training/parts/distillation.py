"""A teacher whose answers are learned beside the labels: its logits stored with the pictures, or a network at hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from covpool.data import ImageSet, Preprocessing
from covpool.models.adaptation import has_fixed_size
from covpool.registry import Registry
from covpool.training.parts.teacher_network import load_teacher


class Distilled(nn.Module):
    r"""The loss of the labels and that of a teacher's answers: $L(z, y) + w T^2 H(p, softmax(z / T))$, H the
    cross-entropy, the mean over the batch.

    Source: Assemble-ResNet, run_loop_classification.py: weights 1 and 1, $p = softmax(teacher / T)$ mixed as the
    labels, which alone are smoothed. Cross-entropy instead of Kullback-Leibler's divergence: the same gradient.

    Shape: logits (B, K), targets (B, 2K), soft targets of the labels and the teacher's probabilities -> scalar
    """

    def __init__(self, loss: nn.Module, *, temperature: float = 1.0, weight: float = 1.0) -> None:
        super().__init__()
        self.loss, self.temperature, self.weight = loss, temperature, weight

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        labels, answers = targets.split(logits.shape[1], dim=1)
        taught = F.cross_entropy(logits / self.temperature, answers)
        return self.loss(logits, labels) + self.weight * self.temperature**2 * taught

    def extra_repr(self) -> str:
        return f"temperature={self.temperature}, weight={self.weight}"


class StoredLogits:
    """What a teacher said of the plain pictures, stored with them: mixed with the labels, as pictures are mixed.

    Args:
        temperature: the answers are softmax(logits / temperature); 1 in Assemble-ResNet.
        weight: of the teacher's part of the loss.
    """

    is_stored = True

    def __init__(self, *, temperature: float = 1.0, weight: float = 1.0) -> None:
        self.temperature, self.weight = _checked("stored-logits", temperature, weight)

    def stored(self, batch: Any, classes: int) -> Tensor:
        """The teacher's probabilities (B, K) for a batch; ValueError where pictures of it have none."""
        logits = getattr(batch, "teacher", None)
        if logits is None:
            raise ValueError(
                "stored-logits needs the logits of every picture, and some of a batch have none or damaged"
            )
        return answers(logits, classes, self.temperature)


class LiveTeacher:
    """A network that sees what the student sees, mixed and augmented, in eval mode and without gradients.

    Args:
        weights: a run, a .pt or .safetensors of ours; with ``network`` its released file.
        network: a published network or a name of timm's; alone: timm's with its published weights.
        temperature, weight: as in ``StoredLogits``.
    """

    is_stored = False

    def __init__(
        self,
        *,
        weights: str | None = None,
        network: str | None = None,
        temperature: float = 1.0,
        weight: float = 1.0,
    ) -> None:
        self.temperature, self.weight = _checked("teacher", temperature, weight)
        if weights is None and network is None:
            raise ValueError("teacher needs weights=FILE or network=NAME; got neither")
        self.source, self.name = weights, network
        self.network: nn.Module | None = None

    def load(self, student: Preprocessing, classes: int) -> nn.Module:
        """Read the network, which from now on is given pictures prepared for ``student``; the same once loaded.

        Raises:
            ValueError: the file or the name is not what is needed, or it knows fewer than ``classes`` classes.
        """
        if self.network is None:
            network, (mean, std) = load_teacher(self.source, self.name)
            known: int = network.num_classes  # type: ignore[assignment]
            if known < classes:
                raise ValueError(f"the teacher needs the {classes} classes of the pictures; it knows {known}")
            self.network = nn.Sequential(_Renormalize(student, mean, std), network).eval().requires_grad_(False)
            if has_fixed_size(network):
                _check_size(network, student.image_size)
        return self.network

    def to(self, device: torch.device) -> LiveTeacher:
        """Move the network to ``device``."""
        assert self.network is not None
        self.network.to(device)
        return self

    @torch.no_grad()
    def ask(self, images: Tensor, classes: int, context: AbstractContextManager[Any]) -> Tensor:
        """The teacher's probabilities (B, K) for pictures as the student gets them."""
        assert self.network is not None
        with context:
            logits = self.network(images)
        return answers(logits.float(), classes, self.temperature)


Teaching = StoredLogits | LiveTeacher

distillations: Registry[Callable[..., Teaching]] = Registry("distillation")
distillations.register("stored-logits", StoredLogits)
distillations.register("teacher", LiveTeacher)


def require_logits(images: ImageSet) -> None:
    """ValueError where a set holds no logits of a teacher, or not one a class."""
    found = images.teacher_logits([0])
    if found is None:
        places = "TFRecords with image/logit, shards with logits.npy, or ImageSet.with_teacher_logits"
        raise ValueError(f"stored-logits needs pictures with a teacher's logits: {places}; {images!r} has none")
    if found.shape[1] < len(images.classes):
        raise ValueError(
            f"stored-logits needs a logit for each of the {len(images.classes)} classes; got {found.shape[1]}"
        )


def answers(logits: Tensor, classes: int, temperature: float) -> Tensor:
    """Probabilities (B, K) of a teacher's logits (B, L): what is beyond K is left out before, what lacks is 0.

    Example:
        >>> answers(torch.zeros(1, 3), 2, 1.0).tolist(), answers(torch.zeros(1, 2), 3, 1.0).tolist()
        ([[0.5, 0.5]], [[0.5, 0.5, 0.0]])
    """
    known = (logits[:, :classes] / temperature).softmax(dim=1)
    return F.pad(known, (0, classes - known.shape[1]))


def labels_of(targets: Tensor, classes: int) -> Tensor:
    """The labels (B,), where targets are labels, or soft ones (B, K), with or without a teacher's beside them."""
    return targets if targets.ndim == 1 else targets[:, :classes].argmax(dim=1)


class _Renormalize(nn.Module):
    """Pictures as a student gets them -> as its teacher does."""

    scale: Tensor
    shift: Tensor

    def __init__(self, student: Preprocessing, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        scale = torch.tensor(student.std) / torch.tensor(std)
        shift = (torch.tensor(student.mean) - torch.tensor(mean)) / torch.tensor(std)
        self.register_buffer("scale", scale.view(-1, 1, 1))
        self.register_buffer("shift", shift.view(-1, 1, 1))
        self.same = student.mean == tuple(mean) and student.std == tuple(std)

    def forward(self, images: Tensor) -> Tensor:
        return images if self.same else images * self.scale + self.shift


def _check_size(network: nn.Module, size: int) -> None:
    wanted = getattr(network, "pretrained_cfg", {}).get("input_size", (3, size, size))[-1]
    if wanted != size:
        raise ValueError(
            f"the teacher sees pictures of {wanted} only; got transform.image_size {size}. Choose that size"
        )


def _checked(name: str, temperature: float, weight: float) -> tuple[float, float]:
    if not temperature > 0 or not weight > 0:
        raise ValueError(f"{name} needs a temperature and a weight above 0; got {temperature} and {weight}")
    return float(temperature), float(weight)
