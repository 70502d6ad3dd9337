"""From a feature map to logits: the pool, and what stands between it and the classes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

SUMMARIES = ("sum", "concat")


class Head(nn.Module):
    """Map (B, C, H, W) -> pool -> [embedding] -> dropout -> classifier -> logits (B, K).

    Args:
        pool: (B, C, H, W) -> (B, D), with ``out_features``.
        num_classes: K; 0 leaves the vector.
        drop_rate: of the vector, in training.
        embedding: E: the vector is mapped to E numbers (linear without bias, batch norm), which are what a retrieval
            compares; the classifier sees their ReLU. None (default): no such layer.
        summary: what becomes of the class token of a transformer. ``"sum"``: it has a classifier of its own, whose
            logits are added; ``"concat"``: it is put in front of the pooled vector. None (default): it is not used.
        summary_features: length of the class token, where ``summary`` is given.
        hidden: lengths of hidden layers of the classifier, each with ReLU and dropout (which is then not applied to
            the vector): VGG's (4096, 4096). Default: the classifier is linear.

    Source: the embedding is that of Lee et al. 2020 (Assemble-ResNet), the sum that of Xie et al. 2021 (So-ViT).
    """

    def __init__(
        self,
        pool: nn.Module,
        num_classes: int,
        drop_rate: float = 0.0,
        *,
        embedding: int | None = None,
        summary: str | None = None,
        summary_features: int = 0,
        hidden: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.pool = pool
        self.drop_rate = drop_rate
        self.hidden = tuple(hidden)
        self.drop = nn.Dropout(0.0 if hidden else drop_rate)
        self.summary = summary
        self.summary_features = summary_features
        pooled: int = pool.out_features  # type: ignore[assignment]
        width = pooled + (summary_features if summary == "concat" else 0)
        self.embedding = None if embedding is None else _embedding(width, embedding)
        self.num_features = width if embedding is None else embedding
        self.set_classes(num_classes)

    def set_classes(self, num_classes: int) -> None:
        """Fresh classifiers, where the pool's weights are; 0 classes: none."""
        self.classifier = _classifier(self.num_features, num_classes, self.hidden, self.drop_rate)
        if self.summary == "sum":
            self.summary_classifier = _classifier(self.summary_features, num_classes)

    def forward(self, x: Tensor, summary: Tensor | None = None, pre_logits: bool = False) -> Tensor:
        vector = self.pool(x)
        if self.summary == "concat":
            vector = torch.cat([self._needed(summary), vector], dim=1)
        if self.embedding is not None:
            vector = self.embedding(vector)
        if pre_logits or isinstance(self.classifier, nn.Identity):
            return vector
        logits = self._classify(self.drop(vector if self.embedding is None else vector.relu()))
        return logits + self.summary_classifier(self._needed(summary)) if self.summary == "sum" else logits

    def _classify(self, vector: Tensor) -> Tensor:
        """Without autocast on a CPU: to cast the weights, 33 million for 8 vectors, would take longer than that."""
        if vector.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return self.classifier(vector)
        with torch.autocast("cpu", enabled=False):
            return self.classifier(vector.to(next(self.classifier.parameters()).dtype))

    def _needed(self, summary: Tensor | None) -> Tensor:
        if summary is None:
            raise ValueError(
                f"this head needs the class token too (summary={self.summary!r}); give forward_head what "
                "network.features(images) returns, not the map alone"
            )
        return summary


def _embedding(width: int, embedding: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, embedding, bias=False), nn.BatchNorm1d(embedding))


def _classifier(width: int, num_classes: int, hidden: Sequence[int] = (), drop_rate: float = 0.0) -> nn.Module:
    if not num_classes:
        return nn.Identity()
    layers: list[nn.Module] = []
    for before, after in pairwise((width, *hidden)):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(drop_rate)]
    last = nn.Linear(hidden[-1] if hidden else width, num_classes)
    return nn.Sequential(*layers, last) if hidden else last
