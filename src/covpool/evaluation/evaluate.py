"""Judge a network on a set of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from covpool.data import ImageSet, Preprocessing, eval_loader
from covpool.evaluation.answers.answers import Answers
from covpool.evaluation.answers.views import judging_transform
from covpool.evaluation.predict import Average, Precision, predict
from covpool.evaluation.result import Result


def evaluate(
    network: nn.Module,
    images: ImageSet,
    preprocessing: Preprocessing,
    *,
    protocol: str | None = None,
    average: Average = "logits",
    outputs: Sequence[int] | None = None,
    batch_size: int = 64,
    workers: int = 0,
    on_bad_image: Literal["stop", "skip"] = "stop",
    device: str | torch.device = "auto",
    precision: Precision = "32-true",
    about: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Top-1 and top-5 with intervals, loss, per-class accuracy and confusion of ``network`` on ``images``.

    Args: those of ``judge``.

    Raises:
        ValueError: the network and the pictures have different numbers of classes.
    """
    return judge(
        network,
        images,
        preprocessing,
        protocol=protocol,
        average=average,
        outputs=outputs,
        batch_size=batch_size,
        workers=workers,
        on_bad_image=on_bad_image,
        device=device,
        precision=precision,
        about=about,
        progress=progress,
    ).result()


def judge(
    network: nn.Module,
    images: ImageSet,
    preprocessing: Preprocessing,
    *,
    protocol: str | None = None,
    average: Average = "logits",
    outputs: Sequence[int] | None = None,
    batch_size: int = 64,
    workers: int = 0,
    on_bad_image: Literal["stop", "skip"] = "stop",
    device: str | torch.device = "auto",
    precision: Precision = "32-true",
    about: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Answers:
    """What ``network`` says of every picture of ``images``: to be judged, kept in a file, held against another's.

    Args:
        preprocessing: that of the network's training, kept in its checkpoint, or what ``judged_as`` makes of it.
        protocol: the views of a picture, as ``judging_transform`` takes them; None: those of ``preprocessing``.
        average: of several views, "logits" as published or "softmax".
        outputs: the network's output for each class of ``images``, where it has others; see ``output_of_each_class``.
        on_bad_image: "stop" raises at a file that cannot be decoded; "skip" leaves it out and counts it.
        about: what to note in the result about the network, such as its checkpoint's ``about``.
        progress: called with (batches done, batches in all).

    Raises:
        ValueError: an unknown protocol, or outputs that the network does not have.
    """
    loader = eval_loader(
        images,
        judging_transform(preprocessing, protocol),
        batch_size=batch_size,
        workers=workers,
        on_bad_image=on_bad_image,
    )
    said = predict(network, loader, device=device, precision=precision, average=average, progress=progress)
    note = {**(about or {}), "preprocessing": preprocessing.to_dict()}
    if protocol is not None:
        note |= {"protocol": protocol, "average": average}
    keys = [images.keys[index] for index in said.indices.tolist()]
    found = Answers(predictions=said, keys=keys, classes=images.classes, skipped=len(loader.skipped), about=note)
    return found if outputs is None else found.restricted(outputs)
