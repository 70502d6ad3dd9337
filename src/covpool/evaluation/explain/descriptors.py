"""The descriptors that a head pools, and its score as a function of how far they are scaled."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from covpool.models.heads import Head

_STATISTICS = ("describe", "summarize")


class ScaledHead:
    r"""A class score of one picture when its descriptors stand at :math:`z(t) = z_0 + t\,(z - z_0)`.

    z are the descriptors as the statistic of the pool is given them: reduced, gated, one for each position (and, in a
    mixture, for each chosen candidate). The start :math:`z_0` is their mean where the pool does not see the mean (any
    centred covariance), and zero elsewhere. The pool runs in float64.

    l2 norms inside the pool are held at their value at t = 1: without that a normalised score would not depend on t.

    Args:
        head: pool, classifier and what is between them; see ``covpool.models.heads.Head``.
        map: (1, C, H, W).
        summary: (1, C) or None, the class token.
        target: index of the class.
    """

    def __init__(self, head: Head, map: Tensor, summary: Tensor | None, target: int) -> None:
        self.target, self._map, self._summary = target, map.double(), summary
        self._pool: nn.Module = copy.deepcopy(head.pool).double().requires_grad_(False)
        self._tail = _without_pool(head)
        self._dtype = map.dtype
        self.statistic = _statistic(self._pool)
        self._norms: dict[nn.Module, Tensor] = {}
        with torch.no_grad(), self._replaced(None) as seen, self._held_norms():
            whole = self._pool(self._map)
        self._whole: Tensor = seen["descriptors"]
        self.is_affine = head.embedding is None and isinstance(head.classifier, nn.Linear)
        self.is_centered = self._ignores_mean(whole)
        self.start = self._whole.mean(-1, keepdim=True) if self.is_centered else torch.zeros_like(self._whole)

    @property
    def holds_norms(self) -> bool:
        """Whether there is an l2 norm that is held."""
        return bool(self._norms)

    @property
    def deviations(self) -> Tensor:
        """z - z_0, (B', C, N): B' candidates of a mixture, 1 elsewhere."""
        return self._whole - self.start

    def begin_at_mean(self) -> None:
        """Let z_0 be the mean descriptor, for a pool that sees no more than directions."""
        self.start = self._whole.mean(-1, keepdim=True)

    def vector(self, t: float) -> Tensor:
        """The pooled vector (D,) at t."""
        with torch.no_grad():
            return self._pooled(self.start + t * self.deviations)[0][0]

    def score(self, t: float) -> float:
        """The class score at t; at 1 the network's own."""
        return self.score_of(self.vector(t))

    def score_of(self, vector: Tensor) -> float:
        """The class score of a pooled vector (D,)."""
        with torch.no_grad():
            return self._logits(vector.unsqueeze(0))[0, self.target].item()

    def weights(self) -> Tensor | None:
        """The classifier's weights of the class, or None where it is not linear in the pooled vector."""
        if not self.is_affine:
            return None
        classifier = self._tail.classifier
        return classifier.weight[self.target].detach().double() if isinstance(classifier, nn.Linear) else None

    def gradients(self, t: float) -> tuple[float, Tensor, Tensor | None]:
        """Score, its gradient in the descriptors (B', C, N), and in the statistic of the pool if that is a matrix."""
        descriptors = (self.start + t * self.deviations).requires_grad_()
        vector, matrix = self._pooled(descriptors)
        score = self._logits(vector)[0, self.target]
        wanted = [descriptors] if matrix is None else [descriptors, matrix]
        found = torch.autograd.grad(score, wanted, allow_unused=True, materialize_grads=True)
        return score.item(), found[0].double(), None if matrix is None else found[1].double()

    def matrix(self, t: float) -> Tensor | None:
        """The statistic at t, where it is one matrix (C, C) a candidate."""
        with torch.no_grad():
            return self._pooled(self.start + t * self.deviations)[1]

    def _logits(self, vector: Tensor) -> Tensor:
        return self._tail(vector.to(self._dtype), self._summary)

    def _pooled(self, descriptors: Tensor) -> tuple[Tensor, Tensor | None]:
        with self._replaced(descriptors) as seen, self._held_norms():
            vector = self._pool(self._map)
        matrix, channels = seen["statistic"], descriptors.shape[1]
        is_matrix = matrix.dim() == 3 and matrix.shape[1:] == (channels, channels)
        return vector, matrix if is_matrix else None

    @contextmanager
    def _replaced(self, descriptors: Tensor | None) -> Iterator[dict[str, Tensor]]:
        """Give the statistic these descriptors in place of its own, and keep what comes in and out."""
        seen: dict[str, Tensor] = {}

        def enter(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            inside = given[0] if descriptors is None else descriptors.reshape(given[0].shape)
            seen["descriptors"] = inside.flatten(2)
            return (inside, *given[1:])

        def leave(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
            seen["statistic"] = made

        handles = [self.statistic.register_forward_pre_hook(enter), self.statistic.register_forward_hook(leave)]
        try:
            yield seen
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def _held_norms(self) -> Iterator[None]:
        """Modules that divide by an l2 norm (they offer ``before_norm``) divide by that of t = 1."""

        def hold(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> Tensor:
            entries = module.before_norm(given[0])  # type: ignore[operator]
            if module not in self._norms:
                self._norms[module] = entries.flatten(1).norm(dim=1).clamp(min=1e-12)
            return entries / self._norms[module].view(-1, *[1] * (entries.dim() - 1))

        handles = [m.register_forward_hook(hold) for m in self._pool.modules() if hasattr(m, "before_norm")]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _ignores_mean(self, whole: Tensor) -> bool:
        """Whether the pooled vector stays the same when every position moves by one and the same descriptor."""
        spread = self._whole - self._whole.mean(-1, keepdim=True)
        if not spread.any():
            return False
        shift = self._whole.abs().amax(-1, keepdim=True) + self._whole.abs().amax()
        with torch.no_grad():
            moved = self._pooled(self._whole + shift)[0]
        return bool((moved - whole).norm() <= 1e-6 * whole.norm())


def _statistic(pool: nn.Module) -> nn.Module:
    """The slot that sees the descriptors: of a mixture that of its inner pool, of a foreign pool the pool itself."""
    inner = getattr(pool, "pool", pool)
    found = next(
        (getattr(inner, name) for name in _STATISTICS if isinstance(getattr(inner, name, None), nn.Module)), None
    )
    return found if found is not None else pool


def _without_pool(head: Head) -> Head:
    """The head on vectors; it shares its layers with ``head``."""
    tail = copy.copy(head)
    tail._modules = {**head._modules, "pool": nn.Identity()}
    return tail
