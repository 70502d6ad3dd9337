"""Judge a network on a set of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import nn

from covpool.data import ImageSet, Preprocessing, eval_loader, eval_transform
from covpool.evaluation.predict import Precision, predict
from covpool.evaluation.result import Result


def evaluate(
    network: nn.Module,
    images: ImageSet,
    preprocessing: Preprocessing,
    *,
    batch_size: int = 64,
    workers: int = 0,
    on_bad_image: Literal["stop", "skip"] = "stop",
    device: str | torch.device = "auto",
    precision: Precision = "32-true",
    about: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Top-1 and top-5 with intervals, loss, per-class accuracy and confusion of ``network`` on ``images``.

    Args:
        preprocessing: that of the network's training, kept in its checkpoint; one centre crop a picture.
        on_bad_image: "stop" raises at a file that cannot be decoded; "skip" leaves it out and counts it.
        about: what to note in the result about the network, such as its checkpoint's ``about``.
        progress: called with (batches done, batches in all).

    Raises:
        ValueError: the network and the pictures have different numbers of classes.
    """
    loader = eval_loader(
        images,
        eval_transform(preprocessing),
        batch_size=batch_size,
        workers=workers,
        on_bad_image=on_bad_image,
    )
    predictions = predict(network, loader, device=device, precision=precision, progress=progress)
    outputs = predictions.logits.shape[1]
    if outputs != len(images.classes):
        raise ValueError(
            f"the network needs pictures of its {outputs} classes; got a set of {len(images.classes)}. "
            "Pass the classes it was trained on"
        )
    note = {**(about or {}), "preprocessing": preprocessing.to_dict()}
    return Result.of(predictions, images.classes, skipped=len(loader.skipped), about=note)
