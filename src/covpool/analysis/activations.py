"""The loss as a function of what the first stage puts out: the variable of the released landscape loop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from covpool.analysis.modes import Batch, calibrate, fixed_draws, measured_copy
from covpool.analysis.objective import Loss, NotFinite
from covpool.registry import unknown


class Activations:
    """The mean loss of one batch as a function of the output y of a submodule, the rest of the network being fixed.

    The released loop cuts ResNets behind their first convolution, batch norm, ReLU and max-pool; ``first_stage``
    names that place. What batch norms behind the cut see is the batch, in the modes where they see the batch, so y
    enters by them too.

    Args:
        network: images -> logits; it is copied.
        batch: images and labels.
        at: name of the submodule; None: ``first_stage(network)``.
        loss, mode, seed, dtype: as of ``Objective``; the released loop measures in training mode.

    Attributes:
        start: y of the network as it is, (B, C, H, W).

    Raises:
        ValueError: no such submodule, or one that does not put out a tensor.
    """

    def __init__(
        self,
        network: nn.Module,
        batch: Batch,
        loss: Loss = F.cross_entropy,
        *,
        at: str | None = None,
        mode: str = "training",
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.at = first_stage(network) if at is None else at
        self.network, self.loss, self.seed = measured_copy(network, mode, dtype).requires_grad_(False), loss, seed
        modules = dict(self.network.named_modules())
        if self.at not in modules:
            raise ValueError(unknown("submodule", self.at, filter(None, modules)))
        self._cut = modules[self.at]
        self.device = next(self.network.parameters()).device
        self.images, self.labels = batch[0].to(self.device, dtype), batch[1].to(self.device)
        if mode == "calibrated":
            calibrate(self.network, [(self.images, self.labels)])
        self.start = self._first_output()

    def gradient(self, point: Tensor) -> tuple[float, Tensor]:
        """The loss at y = ``point``, and its gradient."""
        y = point.detach().requires_grad_()
        loss = self._loss(y)
        (gradient,) = torch.autograd.grad(loss, y)
        if not (loss.isfinite() and gradient.isfinite().all()):
            raise NotFinite(f"the loss is {float(loss.detach())} with a gradient of norm {float(gradient.norm())}")
        return float(loss.detach()), gradient

    def _loss(self, y: Tensor) -> Tensor:
        handle = self._cut.register_forward_hook(lambda module, inputs, output: y)
        try:
            return self.loss(self._forward(), self.labels)
        finally:
            handle.remove()

    def _forward(self) -> Tensor:
        """The logits; buffers are lent, not kept, and draws are the same each time."""
        buffers = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        with fixed_draws(self.seed, self.device):
            return functional_call(self.network, buffers, (self.images,))

    def _first_output(self) -> Tensor:
        seen: list[Tensor] = []
        handle = self._cut.register_forward_hook(lambda module, inputs, output: seen.append(output))
        try:
            with torch.no_grad():
                self._forward()
        finally:
            handle.remove()
        if len(seen) != 1 or not isinstance(seen[0], Tensor):
            raise ValueError(f"{self.at} needs to put out one tensor once a forward pass; choose another submodule")
        return seen[0].detach()


def first_stage(network: nn.Module) -> str:
    """Name of the submodule behind which the released loop cuts, or its like in another backbone.

    ResNets: the max-pool of the stem; mobile networks of timm: the batch norm (with its activation) of the stem;
    others: the first entry of ``feature_info``.

    Raises:
        ValueError: the backbone tells nothing of its stages.
    """
    names = {name for name, _ in network.named_modules()}
    for known in ("backbone.maxpool", "backbone.bn1"):
        if known in names:
            return known
    info = getattr(network, "feature_info", None)
    stages = getattr(info, "info", info)
    if stages and f"backbone.{stages[0]['module']}" in names:
        return f"backbone.{stages[0]['module']}"
    raise ValueError("this network does not say where its first stage ends; name the submodule with at=")
