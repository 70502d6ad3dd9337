"""Linear classifiers on fixed vectors: scaling and penalty chosen on a part of train, judged on other pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from covpool.data import stratified_split
from covpool.studies.softmax import SoftmaxPath, fit_softmax

PENALTIES = [1e-2, 2e-3, 5e-4, 1e-4, 2e-5, 5e-6, 1e-6]  # for vectors of mean squared length 1
SELECTION = 0.2  # of the training pictures of every class: they choose, and are never fitted
LARGEST_ROTATION = 4000  # pictures; a Cholesky factor of more costs as much as it saves


@dataclass(frozen=True)
class Judged:
    """What one run said of the test pictures it could read: arrays of one length; ``indices`` into their set."""

    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]

    @classmethod
    def of(cls, logits: Tensor, labels: Any, indices: Any) -> Judged:
        """The highest softmax probability and its class."""
        confidence, predicted = logits.float().softmax(1).max(1)
        return cls(np.asarray(indices), np.asarray(labels), predicted.numpy(), confidence.numpy())

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the prediction is the label."""
        return self.predicted == self.labels


@dataclass
class _Best:
    """The best choice so far of one seed: higher accuracy on the selection part, then lower loss."""

    score: tuple[float, float] = (-1.0, 0.0)
    chosen: dict[str, Any] | None = None
    logits: Tensor | None = None


def judge_vectors(
    train: Tensor,
    train_labels: NDArray[np.int64],
    test: Tensor,
    num_classes: int,
    seeds: Sequence[int],
    *,
    finished: Callable[[int], None] = lambda seed: None,
) -> list[tuple[Tensor, dict[str, Any]]]:
    """For each seed: the test logits of a classifier and what was chosen for it. ``train`` and ``test`` are used up.

    A seed draws 20 % of the training pictures of every class for the choice of scaling (global, or per dimension) and
    penalty, and the classifier stays the one fitted on the other 80 %: refitting on all of them would make the seeds
    nearly the same run and hide how much a result depends on the training pictures. Test labels are never seen.

    Args:
        train, test: vectors (n, D) and (m, D), float32; changed in place.
        finished: called with a seed when its classifier is chosen.
    """
    labels = torch.from_numpy(np.asarray(train_labels))
    splits = [stratified_split(train_labels, SELECTION, seed) for seed in seeds]
    best = [_Best() for _ in seeds]
    for scaling, (fitted, judged) in _scalings(train, test):
        for (fit, select), found in zip(splits, best, strict=True):
            path = fit_softmax(fitted[fit], labels[fit], num_classes, PENALTIES)
            _take_better(found, path, scaling, fitted[select], labels[select], judged)
    for seed in seeds:
        finished(seed)
    return [(found.logits, found.chosen or {}) for found in best if found.logits is not None]


def _take_better(found: _Best, path: SoftmaxPath, scaling: str, select: Tensor, labels: Tensor, judged: Tensor) -> None:
    for index, penalty in enumerate(PENALTIES):
        logits = path.logits(select, index)
        accuracy = (logits.argmax(1) == labels).double().mean().item()
        score = (accuracy, -F.cross_entropy(logits, labels).item())
        if score > found.score:
            found.score = score
            found.chosen = {"penalty": penalty, "scaling": scaling, "selection_accuracy": accuracy}
            found.logits = path.logits(judged, index)


def _scalings(train: Tensor, test: Tensor) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
    """The vectors centred and scaled, first all by one number, then each dimension by its deviation.

    Statistics are those of all training vectors (no labels). Mean squared length becomes 1 both times, so that the
    penalties mean the same. Dimensions that do not vary become 0.
    """
    mean = train.mean(0)
    train -= mean
    test -= mean
    deviation = train.square().mean(0).sqrt()
    rms = deviation.square().mean().sqrt().clamp_min(torch.finfo(train.dtype).tiny)
    width = train.shape[1] ** 0.5
    train /= rms * width
    test /= rms * width
    yield "global", rotate(train, test)
    varies = deviation > 1e-6 * rms
    factor = torch.where(varies, rms / deviation.clamp_min(torch.finfo(train.dtype).tiny), 0)
    train *= factor
    test *= factor
    yield "per dimension", rotate(train, test)


def rotate(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """The same vectors in coordinates of the training vectors' own space, where that has far fewer dimensions.

    With fewer pictures than dimensions, the solution of an L2-penalised linear model is a combination of training
    vectors. With $X X^T = L L^T$ (Cholesky), $X = L Q$ with orthonormal rows of Q, so L takes the place of X, and
    $T X^T L^{-T}$ that of test vectors T: same solution, n instead of D columns. Computed in float64, with 1e-7 of
    the mean diagonal added because centred vectors are dependent.
    """
    n, dim = train.shape
    if dim < 2 * n or n > LARGEST_ROTATION:
        return train, test
    wide = train.double()
    gram = wide @ wide.T
    gram.diagonal().add_(1e-7 * gram.diagonal().mean().clamp_min(1e-30))
    factor = torch.linalg.cholesky(gram)
    inner = wide @ test.double().T
    rotated = torch.linalg.solve_triangular(factor, inner, upper=False).T
    return factor.float(), rotated.float().contiguous()
