"""What is made small: the loss of the logits, with the further loss of what a part of the network puts out."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from covpool.observe import observe
from covpool.training.parts.distillation import labels_of
from covpool.training.parts.losses import Auxiliary


class Objective:
    """(images, targets) -> (logits, loss).

    Args:
        forward: images -> logits, with the precision of the run around it.
        network: the plain network inside ``forward``, whose parts are observed.
        gather: rows of this process -> rows of all processes: a further loss is one of the whole batch.
    """

    def __init__(
        self,
        forward: Callable[[Tensor], Tensor],
        network: nn.Module,
        loss: nn.Module,
        auxiliary: Auxiliary | None,
        gather: Callable[[Tensor], Tensor] = lambda rows: rows,
    ) -> None:
        self.forward, self.network, self.loss, self.auxiliary, self.gather = forward, network, loss, auxiliary, gather

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and their loss with the auxiliary one."""
        auxiliary = self.auxiliary
        if auxiliary is None:
            logits = self.forward(images)
            return logits, self.loss(logits, targets)
        with observe(self.network, auxiliary.observed) as seen:
            logits = self.forward(images)
        labels = self.gather(labels_of(targets, logits.shape[1]))
        further = auxiliary(self.gather(seen[auxiliary.observed]), labels)
        return logits, self.loss(logits, targets) + further
