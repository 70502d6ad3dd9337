"""What batch norms do while a network is fine-tuned."""

from __future__ import annotations

from torch import nn

from covpool.models.techniques.body import Norm2d

MODES = ("train", "frozen-statistics", "frozen")


def check_batch_norm(backbone: nn.Module, mode: str) -> None:
    """ValueError for an unknown mode, and for one that a backbone without batch norms cannot have."""
    if mode not in MODES:
        raise ValueError(f"batch_norm is one of {', '.join(MODES)}; got {mode!r}")
    if mode != "train" and not _norms(backbone):
        raise ValueError(
            f"batch_norm={mode!r} needs a backbone with batch norms; {type(backbone).__name__} has none. "
            "Leave it at 'train'"
        )


def hold_batch_norms(backbone: nn.Module, mode: str) -> None:
    """Set the batch norms of a backbone in training mode to what ``mode`` says.

    ``train``: nothing is changed. ``frozen-statistics``: they normalise by their running statistics, which stay; scale
    and shift learn. ``frozen``: these stay too, so that a batch norm is a fixed affine map. Call it after ``train()``
    and ``requires_grad_()``, both of which undo it.
    """
    if mode == "train":
        return
    for norm in _norms(backbone):
        norm.eval()
        if mode == "frozen":
            norm.requires_grad_(False)


def _norms(backbone: nn.Module) -> list[nn.Module]:
    return [module for module in backbone.modules() if isinstance(module, Norm2d)]
