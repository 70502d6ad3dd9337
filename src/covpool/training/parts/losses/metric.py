"""Losses of embeddings (B, D) and labels (B,): what belongs together is near."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class NPair(nn.Module):
    r"""Each pair of pictures of one class against the pairs of all others: with the similarities $s_{ij} = a_i \cdot
    p_j$ of P anchors and positives, the cross-entropy of $softmax_j(s_{ij})$ with the j of i's own class, the mean over
    i, and $\frac{r}{4} (\overline{|a|^2} + \overline{|p|^2})$ that keeps the lengths in check.

    Pairs are made of the batch in its order: the first and second picture of a class, the third and fourth, and so on;
    a class of one picture has none. Where no two pictures share a class the loss is 0. ``loader.sampling`` 'pairs'
    gives batches that have them.
    Source: Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, NeurIPS 2016; the form for
    several pairs of a class, the quarter and r = 0.002 are those of TensorFlow's npairs_loss.

    Example:
        >>> loss = NPair(regularization=0.0)
        >>> vectors = torch.eye(2).repeat_interleave(2, dim=0) * 10
        >>> round(loss(vectors, torch.tensor([0, 0, 1, 1])).item(), 4)
        0.0
    """

    def __init__(self, *, regularization: float = 0.002) -> None:
        super().__init__()
        if regularization < 0:
            raise ValueError(f"the loss 'n-pair' needs a regularization from 0 on; got {regularization}")
        self.regularization = regularization

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        vectors = vectors.float()
        first, second = pairs(labels)
        if not len(first):
            return vectors.sum() * 0.0
        anchors, positives = vectors[first], vectors[second]
        same = (labels[first, None] == labels[None, first]).float()
        loss = F.cross_entropy(anchors @ positives.T, same / same.sum(dim=1, keepdim=True))
        lengths = anchors.square().sum(dim=1).mean() + positives.square().sum(dim=1).mean()
        return loss + self.regularization / 4.0 * lengths

    def extra_repr(self) -> str:
        return f"regularization={self.regularization}"


def pairs(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Places of the pictures that are paired, in their order.

    Example:
        >>> [places.tolist() for places in pairs(torch.tensor([1, 0, 1, 1, 0, 2]))]
        [[1, 0], [4, 2]]
    """
    order = torch.argsort(labels, stable=True)
    ranked = labels[order]
    starts = torch.searchsorted(ranked, ranked)  # where the class of each begins
    odd = (torch.arange(len(labels), device=labels.device) - starts) % 2 == 1
    second = torch.nonzero(odd).flatten()
    return order[second - 1], order[second]
