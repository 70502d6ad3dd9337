"""The loss of a network as a function of its weights: value, gradient, and Hessian times a vector."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from covpool.analysis.modes import Batch, calibrate, fixed_draws, measured_copy

_FEW = 4  # examples on which the two ways to the Hessian are compared
_AGREEMENT = 1e-3  # relative; ReLUs that change sign within a difference make them differ a little
Loss = Callable[[Tensor, Tensor], Tensor]


class NotFinite(ValueError):
    """A loss or a gradient that is no number: nothing can be measured there."""


class Objective:
    r"""The mean loss over fixed batches, :math:`L(w) = \sum_b n_b\,\ell_b(w) / \sum_b n_b`, at any point w.

    A point is the flat vector of the chosen parameters in the order of ``names``. L is a deterministic function of
    (weights, batches, seed): buffers are the same at each call, random draws of batch b begin from (seed, b), and the
    network given is copied and stays as it is. One batch has a graph at a time, so that memory does not grow with
    their number.

    Args:
        network: images -> logits.
        batches: pairs (images, labels), kept by the caller; read once a call.
        loss: (logits, labels) -> mean over the batch.
        mode: a name of ``modes``: what batch norm and dropout do.
        parts: prefixes of the names of the parameters that vary, such as ``("head.",)``; empty: all.
        seed: of what is drawn in the forward pass.
        dtype: float64 (default) leaves second differences and eigenvalues room; float32 is two to four times faster.
        curvature: how ``hessian_times`` works: "double-backward", "differences" of gradients, or "auto" (default):
            double backward where it agrees with differences on this network, else differences. Closed-form gradients
            of matrix functions are constants to a second backward pass, which would leave terms out in silence.

    Raises:
        ValueError: no batches, no parameter of these names.
        NotFinite: the loss or its gradient is no number.

    Example:
        >>> network = nn.Linear(2, 1, bias=False)
        >>> batch = (torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0]]))
        >>> objective = Objective(network, [batch], lambda y, t: ((y - t) ** 2).mean())
        >>> objective.hessian_times(objective.start, torch.tensor([1.0, 0.0]).double()).tolist()
        [18.0, 24.0]
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Sequence[Batch],
        loss: Loss = F.cross_entropy,
        *,
        mode: str = "batch-statistics",
        parts: Sequence[str] = (),
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        curvature: str = "auto",
    ) -> None:
        if not batches:
            raise ValueError("an objective needs at least one batch of (images, labels); got none")
        if curvature not in ("auto", "double-backward", "differences"):
            raise ValueError(f"curvature must be auto, double-backward or differences; got {curvature!r}")
        self.network, self.batches, self.loss, self.seed = measured_copy(network, mode, dtype), batches, loss, seed
        self.dtype, self.device = dtype, next(self.network.parameters()).device
        chosen = dict(self.network.named_parameters())
        self.names = [name for name in chosen if not parts or name.startswith(tuple(parts))]
        if not self.names:
            raise ValueError(f"no parameter begins with {', '.join(parts)}; got {', '.join(list(chosen)[:6])}, ...")
        self.shapes = [chosen[name].shape for name in self.names]
        self.start = torch.cat([chosen[name].detach().flatten() for name in self.names])
        self.examples = sum(len(labels) for _, labels in batches)
        if mode == "calibrated":
            with fixed_draws(seed, self.device):
                calibrate(self.network, (self._placed(batch) for batch in batches))
        self._curvature = curvature

    def value(self, point: Tensor) -> float:
        """L at ``point``."""
        return sum(share * self.batch_value(index, point) for index, share in self._shares())

    @torch.no_grad()
    def batch_value(self, index: int, point: Tensor) -> float:
        """The mean loss of batch ``index``."""
        return _finite(float(self._loss(index, self.tensors(point))), "the loss")

    def gradient(self, point: Tensor) -> tuple[float, Tensor]:
        """L and its gradient at ``point``."""
        total, gradient = 0.0, torch.zeros_like(self.start)
        for index, share in self._shares():
            loss, part = self.batch_gradient(index, point)
            total += share * loss
            gradient.add_(part, alpha=share)
        return total, gradient

    def batch_gradient(self, index: int, point: Tensor) -> tuple[float, Tensor]:
        """The mean loss of batch ``index`` and its gradient."""
        leaves = [leaf.requires_grad_() for leaf in self.tensors(point.detach())]
        loss = self._loss(index, leaves)
        gradient = _flat(torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True))
        _finite(float(gradient.sum()), "the gradient of the loss")
        return _finite(float(loss.detach()), "the loss"), gradient

    def hessian_times(self, point: Tensor, vector: Tensor) -> Tensor:
        """The Hessian of L at ``point`` times ``vector``."""
        return (self._by_backward if self.curvature == "double-backward" else self._by_differences)(point, vector)

    @property
    def curvature(self) -> str:
        """How ``hessian_times`` works on this network: "double-backward" or "differences"."""
        if self._curvature == "auto":
            self._curvature = self._right_curvature()
        return self._curvature

    @property
    def has_batch_statistics(self) -> bool:
        """Whether the loss of an example depends on those beside it, by a batch norm."""
        norms = [module for module in self.network.modules() if isinstance(module, _BatchNorm)]
        return any(module.training or module.running_mean is None for module in norms)

    def on(self, batches: Sequence[Batch]) -> Objective:
        """The same function over other batches; the network is shared."""
        other = copy.copy(self)
        other.batches, other.examples = batches, sum(len(labels) for _, labels in batches)
        return other

    def in_float64(self) -> Objective:
        """The same function computed in float64."""
        other = copy.copy(self)
        other.network, other.dtype, other.start = (
            copy.deepcopy(self.network).double(),
            torch.float64,
            self.start.double(),
        )
        return other

    def images(self) -> Iterator[Tensor]:
        """The images of each batch, placed and typed, for a look inside ``network``."""
        for batch in self.batches:
            yield self._placed(batch)[0]

    def tensors(self, point: Tensor) -> list[Tensor]:
        """A flat point as the parameters of ``names``."""
        parts = point.split([shape.numel() for shape in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _shares(self) -> Iterator[tuple[int, float]]:
        for index, (_, labels) in enumerate(self.batches):
            yield index, len(labels) / self.examples

    def _loss(self, index: int, leaves: Sequence[Tensor]) -> Tensor:
        """The loss of one batch at these parameters; buffers are lent, not kept."""
        images, labels = self._placed(self.batches[index])
        state = dict(zip(self.names, leaves, strict=True))
        state |= {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        with fixed_draws(self.seed + index, self.device):
            return self.loss(functional_call(self.network, state, (images,)), labels)

    def _placed(self, batch: Batch) -> Batch:
        images, labels = (tensor.to(self.device) for tensor in batch[:2])
        return images.to(self.dtype), labels.to(self.dtype) if labels.is_floating_point() else labels

    def _by_backward(self, point: Tensor, vector: Tensor) -> Tensor:
        product = torch.zeros_like(self.start)
        for index, share in self._shares():
            product.add_(self._twice(index, point, vector), alpha=share)
        _finite(float(product.sum()), "the Hessian of the loss")
        return product

    def _twice(self, index: int, point: Tensor, vector: Tensor) -> Tensor:
        leaves = [leaf.requires_grad_() for leaf in self.tensors(point.detach())]
        loss = self._loss(index, leaves)
        grads = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
        along = torch.stack([(g * v).sum() for g, v in zip(grads, self.tensors(vector), strict=True)]).sum()
        if not along.requires_grad:  # the loss is linear
            return torch.zeros_like(self.start)
        return _flat(torch.autograd.grad(along, leaves, allow_unused=True, materialize_grads=True))

    def _by_differences(self, point: Tensor, vector: Tensor) -> Tensor:
        """Central differences of gradients, the error of rounding and of the third derivative about equal."""
        if not vector.any():
            return torch.zeros_like(vector)
        step = self._step(point, vector)
        return (self.gradient(point + step * vector)[1] - self.gradient(point - step * vector)[1]) / (2 * step)

    def _step(self, point: Tensor, vector: Tensor) -> float:
        return torch.finfo(self.dtype).eps ** 0.5 * max(1.0, float(point.norm())) / float(vector.norm())

    def _right_curvature(self) -> str:
        """Double backward where both ways agree, in float64, in one random direction on a few examples."""
        images, labels = self.batches[0]
        few = self.on([(images[:_FEW], labels[:_FEW])]).in_float64()
        draws = torch.Generator().manual_seed(self.seed)
        vector = torch.randn(len(self.start), generator=draws, dtype=torch.float64).to(self.device)
        by_differences = few._by_differences(few.start, vector)
        try:
            error = few._by_backward(few.start, vector) - by_differences
        except RuntimeError:  # a gradient that says that it has none of its own
            return self._need_float64()
        right = error.norm() <= _AGREEMENT * by_differences.norm()
        return "double-backward" if right else self._need_float64()

    def _need_float64(self) -> str:
        if self.dtype != torch.float64:
            raise ValueError(
                "the gradient of this network has no right gradient by double backward, and differences of gradients "
                f"need float64; got {self.dtype}. Measure in float64, or pass curvature= to decide otherwise"
            )
        return "differences"


def _flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.detach().flatten() for part in parts])


def _finite(value: float, what: str) -> float:
    if not abs(value) < float("inf"):
        raise NotFinite(f"{what} is {value} at this point; measure a network that is still in the numbers")
    return value
