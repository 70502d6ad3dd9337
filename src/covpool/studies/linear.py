"""Linear classifiers on fixed vectors: the penalty chosen on a part of train, judged on other pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from covpool.data import stratified_split
from covpool.studies.softmax import SoftmaxPath, fit_softmax

PENALTIES = [1e-2, 2e-3, 5e-4, 1e-4, 2e-5, 5e-6, 1e-6, 2e-7]  # for vectors of mean squared length 1
SELECTION = 0.2  # of the training pictures of every class: they choose, and are never fitted
SCALING = "square root of the deviation"
SEARCHED = 4000  # pictures at most that look for the region of the penalty
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


def judge_vectors(
    train: Tensor, train_labels: NDArray[np.int64], test: Tensor, num_classes: int, seeds: Sequence[int]
) -> list[tuple[Tensor, dict[str, Any]]]:
    """For each seed: the test logits of a classifier and what was chosen for it. ``train`` and ``test`` are used up.

    A seed draws 20 % of the training pictures of every class, which choose the penalty, and fits the other 80 %. The
    first seed tries all penalties, on at most 4,000 pictures; every seed then chooses among those around the best,
    with all its pictures. The classifier stays the one fitted on the 80 %: refitting on all of them would make the
    seeds nearly the same run and hide how much a result depends on the training pictures. Test labels are never seen.

    Args:
        train, test: vectors (n, D) and (m, D), float32; changed in place.
    """
    labels = torch.from_numpy(np.asarray(train_labels))
    splits = [stratified_split(train_labels, SELECTION, seed) for seed in seeds]
    scale(train, test)
    fitted, judged = rotate(train, test)
    at = _search(fitted, labels, splits[0], num_classes)
    penalties = PENALTIES[max(0, at - 1) : at + 3]  # more pictures want a weaker one, hence more on that side
    answers = []
    for fit, select in splits:
        path = fit_softmax(fitted[fit], labels[fit], num_classes, penalties)
        scores = _scores(path, fitted[select], labels[select])
        best = scores.index(max(scores))
        chosen = {"penalty": penalties[best], "scaling": SCALING, "selection_accuracy": scores[best][0]}
        answers.append((path.logits(judged, best), chosen))
    return answers


def scale(train: Tensor, test: Tensor) -> None:
    """Centre both in place, divide each dimension by the square root of its deviation, make mean squared length 1.

    Halfway between one number for all dimensions and the own deviation of each: a vector of covariances has a few
    large entries, which should not rule alone, and many small ones, which should not be blown up to noise. Measured
    on five pairs of features and pool (EfficientNet-Lite0, monkeys10 and cifar10), it was the best of the three or
    level with the best. Statistics are those of the training vectors; a dimension that does not vary becomes 0.
    """
    tiny = torch.finfo(train.dtype).tiny
    mean = train.mean(0)
    train -= mean
    test -= mean
    deviation = train.square().mean(0).sqrt()
    varies = deviation > 1e-6 * deviation.square().mean().sqrt()
    factor = torch.where(varies, deviation.clamp_min(tiny).rsqrt(), 0)
    length = (deviation * factor).square().sum().sqrt().clamp_min(tiny)
    train *= factor / length
    test *= factor / length


def _search(x: Tensor, labels: Tensor, split: tuple[Any, Any], num_classes: int) -> int:
    """Where in PENALTIES the best one of a split is; the first, strongest, of equals."""
    fit, select = split
    few = fit[:: -(-len(fit) // SEARCHED)]
    scores = _scores(fit_softmax(x[few], labels[few], num_classes, PENALTIES), x[select], labels[select])
    return scores.index(max(scores))


def _scores(path: SoftmaxPath, x: Tensor, labels: Tensor) -> list[tuple[float, float]]:
    """(accuracy, minus the loss) of each penalty: of two that are right equally often, the surer one is better."""
    logits = [path.logits(x, index) for index in range(len(path.bias))]
    return [
        ((each.argmax(1) == labels).double().mean().item(), -F.cross_entropy(each, labels).item()) for each in logits
    ]


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
