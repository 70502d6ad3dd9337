"""Pictures -> the vectors by which they are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor, nn

from covpool.evaluation.predict import Batches, Precision, evaluating, pick_device, precision_context
from covpool.models import Network

Layer = Literal["head", "pooled"]


class Embedded(NamedTuple):
    """vectors (b, D) float32, labels (b,) int64 and positions in the set (b,) int64."""

    vectors: np.ndarray
    labels: np.ndarray
    indices: np.ndarray


@torch.no_grad()
def embed(
    network: nn.Module,
    loader: Batches,
    *,
    layer: Layer = "head",
    device: str | torch.device = "auto",
    precision: Precision = "32-true",
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Embedded]:
    """The vectors of every picture of ``loader``, batch by batch; the network in eval mode.

    Of several views of a picture the vectors are averaged.

    Args:
        network: ours, or any with timm's ``forward_features`` and ``forward_head(pre_logits=True)``.
        loader: an ``eval_loader``; its epoch 0 is read.
        layer: ``"head"``, what the classifier sees (before dropout): the embedding where the head has one, else the
            pooled vector; ``"pooled"``, the pooled vector also where an embedding follows.
        device, precision, progress: as in ``predict``.

    Raises:
        ValueError: an unknown layer, a network without such a vector, or a vector that is not finite.
    """
    vector = _vector_of(network, layer)
    place = pick_device(device)
    network.to(place)
    with evaluating(network):
        for done, batch in enumerate(loader.epoch(0), start=1):
            with precision_context(precision, place):
                found = _views_joined(vector, batch.images.to(place)).cpu()
            if not found.isfinite().all():
                bad = batch.indices[~found.isfinite().all(dim=1)].tolist()
                raise ValueError(f"the network gives NaN or infinity for the pictures {bad[:5]}; try precision 32-true")
            yield Embedded(found.numpy(), batch.labels.numpy(), batch.indices.numpy())
            if progress is not None:
                progress(done, len(loader))


def _vector_of(network: nn.Module, layer: Layer) -> Callable[[Tensor], Tensor]:
    if layer not in get_args(Layer):
        raise ValueError(f"layer needs to be 'head' or 'pooled'; got {layer!r}")
    if isinstance(network, Network):
        if layer == "pooled":
            return lambda images: network.head.pool(network.features(images).map)
        return lambda images: network.forward_head(network.features(images), pre_logits=True)
    if layer == "pooled" or not hasattr(network, "forward_head"):
        raise ValueError(
            f"a {type(network).__name__} has no vector {layer!r} that is known; use 'head' of a timm model"
        )
    timm: Any = network
    return lambda images: timm.forward_head(timm.forward_features(images), pre_logits=True)


def _views_joined(vector: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    if images.ndim < 5:
        return vector(images).float()
    return vector(images.flatten(0, 1)).float().unflatten(0, images.shape[:2]).mean(dim=1)


def normalized(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1 in float32; a row of zeros stays.

    Example:
        >>> normalized(np.array([[3.0, 4.0], [0.0, 0.0]]))
        array([[0.6, 0.8], [0. , 0. ]], dtype=float32)
    """
    rows = np.asarray(vectors, np.float64)
    norms = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    return (rows / np.where(norms > 0, norms, 1.0)).astype(np.float32)
