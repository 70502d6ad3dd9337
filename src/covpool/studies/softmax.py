r"""Linear softmax classifiers with an L2 penalty, a whole path of penalties at once.

Minimised for each penalty $\lambda$: $\frac1n \sum_i -\log p(y_i | x_i) + \frac{\lambda}{2} \lVert W \rVert^2$;
the bias is free.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

HISTORY = 10  # pairs of L-BFGS; the usual choice, and measured best of 5, 10, 20 here
NEWTON_STEPS = 2  # of the line search, which touches logits only
SMALL_STEP = 2e9  # operations; below it, threads cost more than they give, tenfold where the machine is shared


@dataclass(frozen=True)
class SoftmaxPath:
    """Solutions along the penalties: weight (P, D, K), bias (P, K), and whether each reached the tolerance."""

    weight: Tensor
    bias: Tensor
    converged: list[bool]
    iterations: int

    def logits(self, x: Tensor, index: int) -> Tensor:
        """Logits (n, K) of the solution of penalty ``index``."""
        return x @ self.weight[index] + self.bias[index]


@torch.no_grad()
def fit_softmax(
    x: Tensor,
    labels: Tensor,
    num_classes: int,
    penalties: list[float],
    *,
    max_iterations: int = 100,
    tolerance: float = 0.1,
) -> SoftmaxPath:
    r"""Fit every penalty by L-BFGS, all penalties side by side in the same matrix products.

    One step costs two passes over ``x``: one for the logits of the direction, one for the gradient. The line search
    is Newton's method on the step length and needs none, because logits are linear in it.
    Shape: x (n, D), labels (n,) -> weight (P, D, K), bias (P, K) of P penalties and K classes.
    Dtype: that of ``x``; float32 is enough, for the tolerance is far above its rounding.

    Args:
        x: features (n, D), centred or not: the free bias makes the solution the same.
        penalties: $\lambda$, any order.
        max_iterations: steps at most; only weak penalties on few strong directions, which are no good choice,
            need more.
        tolerance: a problem is done when what is left of its gradient is this fraction of the penalty's part of it,
            which the data's part cancels at the minimum: a measure that means the same for weak penalties and strong
            ones. Tighter values changed no accuracy visibly.

    Example:
        >>> x = torch.tensor([[-1.0], [1.0]])
        >>> path = fit_softmax(x, torch.tensor([0, 1]), 2, [0.1])
        >>> path.logits(x, 0).argmax(1).tolist()
        [0, 1]
    """
    with _threads_for(4 * x.numel() * num_classes * len(penalties)):
        return _fit(_Problem(x, labels, num_classes, torch.tensor(penalties).to(x)), max_iterations, tolerance)


def _fit(problem: _Problem, max_iterations: int, tolerance: float) -> SoftmaxPath:
    history: deque[_Pair] = deque(maxlen=HISTORY)
    solutions = problem.parameters.clone()
    where = torch.arange(len(solutions), device=solutions.device)
    converged = torch.zeros(len(solutions), dtype=torch.bool, device=solutions.device)
    gradient, steps = problem.gradient(), 0
    while steps < max_iterations and len(where):
        steps += 1
        direction = -_two_loops(gradient, history)
        length = problem.move(direction)
        former, gradient = gradient, problem.gradient()
        history.append(_pair(length[:, None] * direction, gradient - former))
        solutions[where] = problem.parameters
        active = _norm(gradient) > tolerance * problem.pull()
        if not active.all():  # what is done leaves, and costs nothing from here on
            converged[where[~active]] = True
            where, gradient = where[active], gradient[active]
            problem.keep(active)
            history = deque([_kept(pair, active) for pair in history], maxlen=HISTORY)
    weight, bias = problem.split(solutions)
    return SoftmaxPath(weight, bias, converged.tolist(), steps)


class _Problem:
    """P penalised problems on the same pictures.

    Parameters are rows (P, K * D + K), weights before biases; logits are (P, K, n), so that sums over classes run
    along contiguous pictures.
    """

    def __init__(self, x: Tensor, labels: Tensor, num_classes: int, penalties: Tensor) -> None:
        self.x, self.classes, self.penalties = x, num_classes, penalties
        self.target = F.one_hot(labels, num_classes).to(x.dtype).T.contiguous()
        self.weights = num_classes * x.shape[1]
        self.parameters = x.new_zeros(len(penalties), self.weights + num_classes)
        self.logits = x.new_zeros(len(penalties), num_classes, len(x))

    def gradient(self) -> Tensor:
        error = (self.logits.softmax(1) - self.target).div_(len(self.x))
        gradient = torch.empty_like(self.parameters)
        gradient[:, : self.weights] = (error.flatten(0, 1) @ self.x).view(len(self.penalties), -1)
        gradient[:, : self.weights] += self.penalties[:, None] * self.parameters[:, : self.weights]
        gradient[:, self.weights :] = error.sum(2)
        return gradient

    def move(self, direction: Tensor) -> Tensor:
        """Go along ``direction`` to about the minimum; the step lengths (P,)."""
        weight, bias = direction[:, : self.weights], direction[:, self.weights :]
        slope = (weight.reshape(-1, self.x.shape[1]) @ self.x.T).view_as(self.logits) + bias[:, :, None]
        along = self.penalties * _dot(self.parameters[:, : self.weights], weight)
        across = self.penalties * _dot(weight, weight)
        length = self._line_search(slope, along, across)
        self.parameters += length[:, None] * direction
        self.logits += length[:, None, None] * slope
        return length

    def _line_search(self, slope: Tensor, along: Tensor, across: Tensor) -> Tensor:
        length = torch.ones_like(along)
        right = (self.target * slope).sum(1).mean(1)
        for _ in range(NEWTON_STEPS):
            p = (self.logits + length[:, None, None] * slope).softmax(1)
            weighted = p * slope
            mean = weighted.sum(1)
            first = mean.mean(1) - right + along + length * across
            second = ((weighted * slope).sum(1) - mean.square()).mean(1) + across
            step = first / second.clamp_min(torch.finfo(second.dtype).tiny)
            length = (length - step).clamp(length / 4, length * 4)
        return length

    def pull(self) -> Tensor:
        """Norm of the penalty's own gradient, which the data's cancels at the minimum."""
        return self.penalties * _norm(self.parameters[:, : self.weights])

    def keep(self, active: Tensor) -> None:
        """Go on with the ``active`` problems only."""
        self.penalties, self.parameters = self.penalties[active], self.parameters[active]
        self.logits = self.logits[active]

    def split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (P, D, K) and biases (P, K) of parameter rows."""
        weight = parameters[:, : self.weights].view(len(parameters), self.classes, -1)
        return weight.transpose(1, 2), parameters[:, self.weights :]


@contextmanager
def _threads_for(operations: float) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if operations < SMALL_STEP else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Pair(NamedTuple):
    """A step, the change of the gradient along it, and the inverse of their product (0: the pair does nothing)."""

    step: Tensor
    change: Tensor
    inverse: Tensor


def _pair(step: Tensor, change: Tensor) -> _Pair:
    curvature = _dot(step, change)
    return _Pair(step, change, torch.where(curvature > 0, 1 / curvature.clamp_min(1e-30), 0.0))


def _kept(pair: _Pair, active: Tensor) -> _Pair:
    return _Pair(*(each[active] for each in pair))


def _two_loops(gradient: Tensor, history: deque[_Pair]) -> Tensor:
    """The inverse Hessian of the history times ``gradient`` (Nocedal and Wright, algorithm 7.4)."""
    q, alphas = gradient.clone(), []
    for step, change, inverse in reversed(history):
        alpha = inverse * _dot(step, q)
        q -= alpha[:, None] * change
        alphas.append(alpha)
    if history:
        step, change, _ = history[-1]
        scale = _dot(step, change) / _dot(change, change).clamp_min(1e-30)
        q *= torch.where(scale > 0, scale, 1.0)[:, None]
    for (step, change, inverse), alpha in zip(history, reversed(alphas), strict=True):
        q += (alpha - inverse * _dot(change, q))[:, None] * step
    return q


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(1)


def _norm(a: Tensor) -> Tensor:
    return _dot(a, a).sqrt()
