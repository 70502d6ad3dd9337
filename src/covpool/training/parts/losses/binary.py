"""Losses that ask one yes-or-no question a class: (logits (B, K), labels (B,) or soft targets (B, K)) -> scalar."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import sigmoid_focal_loss

from covpool.training.parts.losses.softmax import checked_smoothing


class BinaryCrossEntropy(nn.Module):
    r"""One yes-or-no question a class, the mean over all B x K answers.

    Targets are $(1 - s) y + s / K$ of the one-hot or soft $y$ with smoothing $s$; with ``threshold`` they are 1 above
    it and 0 elsewhere.
    Source: Wightman et al., ResNet strikes back, 2021.

    Example:
        >>> import torch
        >>> loss = BinaryCrossEntropy()
        >>> round(loss(torch.zeros(2, 4), torch.tensor([0, 3])).item(), 4)
        0.6931
    """

    def __init__(self, *, smoothing: float = 0.0, threshold: float | None = None) -> None:
        super().__init__()
        self.smoothing = checked_smoothing("bce", smoothing)
        self.threshold = threshold

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        classes = logits.shape[-1]
        targets = soft(labels, logits) * (1.0 - self.smoothing) + self.smoothing / classes
        if self.threshold is not None:
            targets = (targets > self.threshold).to(logits.dtype)
        return F.binary_cross_entropy_with_logits(logits, targets)

    def extra_repr(self) -> str:
        return f"smoothing={self.smoothing}, threshold={self.threshold}"


class SigmoidCrossEntropy(nn.Module):
    r"""The sum of the yes-or-no losses of all classes, divided by the sum of the targets; $-\frac{1}{\sum y}
    \sum_{b,k} y \log q + (1 - y) \log (1 - q)$.

    K times as large as ``BinaryCrossEntropy``. Not smoothed, as the release does not smooth it.
    Source: Assemble-ResNet, cls_loss_type 'sigmoid'; it starts from a classifier's bias of $-\log(K - 1)$.

    Example:
        >>> import torch
        >>> loss = SigmoidCrossEntropy()
        >>> round(loss(torch.zeros(2, 4), torch.tensor([0, 3])).item(), 4)
        2.7726
    """

    rare_bias = True

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        targets = soft(labels, logits)
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / targets.sum()


class Focal(nn.Module):
    r"""The yes-or-no losses, each weighted by $(1 - q_t)^\gamma$ of the probability of its right answer $q_t$, and by
    ``alpha`` where the class is the label and 1 - alpha elsewhere; their sum divided by the sum of the targets.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, eq. (5); gamma 2 and alpha 0.25 there.
    torchvision has it. It starts from a classifier's bias of $-\log(K - 1)$, their prior $\pi = 1 / K$.

    Args:
        gamma: 0: no focus.
        alpha: None: both sides weigh the same.

    Example:
        >>> import torch
        >>> loss = Focal(gamma=0.0, alpha=None)
        >>> round(loss(torch.zeros(2, 4), torch.tensor([0, 3])).item(), 4)
        2.7726
    """

    rare_bias = True

    def __init__(self, *, gamma: float = 2.0, alpha: float | None = 0.25) -> None:
        super().__init__()
        if gamma < 0 or not (alpha is None or 0 <= alpha <= 1):
            raise ValueError(f"the loss 'focal' needs a gamma from 0 on and an alpha from 0 to 1; got {gamma}, {alpha}")
        self.gamma, self.alpha = gamma, alpha

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        targets, alpha = soft(labels, logits), -1 if self.alpha is None else self.alpha
        return sigmoid_focal_loss(logits, targets, alpha, self.gamma, reduction="sum") / targets.sum()

    def extra_repr(self) -> str:
        return f"gamma={self.gamma}, alpha={self.alpha}"


class Anchor(nn.Module):
    r"""The yes-or-no losses, where a wrong class weighs more the nearer it comes to the right one:
    $-\sum_k y_k \log q_k + (1 - y_k)(1 + q_k - q_*)^\gamma \log(1 - q_k)$, mean over the pictures.

    The anchor $q_* = \max(0, q_{label} - \delta)$ gets no gradient; the weight does. Of soft targets, $q_{label}$ is
    the mean under them.
    Source: Ryou et al., Anchor Loss, ICCV 2019, eq. (4): gamma 0.5 and slack 0.05 for images of many classes.
    Departs: without the 5 epochs of cross-entropy that their training begins with; choose head_epochs or a warm-up.

    Example:
        >>> import torch
        >>> loss = Anchor(gamma=0.0)
        >>> round(loss(torch.zeros(2, 4), torch.tensor([0, 3])).item(), 4)
        2.7726
    """

    rare_bias = True

    def __init__(self, *, gamma: float = 0.5, slack: float = 0.05) -> None:
        super().__init__()
        if gamma < 0 or not 0 <= slack < 1:
            raise ValueError(f"the loss 'anchor' needs a gamma from 0 on and a slack in [0, 1); got {gamma}, {slack}")
        self.gamma, self.slack = gamma, slack

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        targets, q = soft(labels, logits), logits.sigmoid()
        anchor = ((targets * q).sum(dim=1, keepdim=True).detach() - self.slack).clamp_min(0)
        wrong = (1.0 + q - anchor).pow(self.gamma) * F.softplus(logits)  # -log(1 - q)
        return (targets * F.softplus(-logits) + (1.0 - targets) * wrong).sum(dim=1).mean()

    def extra_repr(self) -> str:
        return f"gamma={self.gamma}, slack={self.slack}"


def soft(labels: Tensor, logits: Tensor) -> Tensor:
    """Labels (B,) as targets (B, K) of the kind of ``logits``; soft targets as they are."""
    return (F.one_hot(labels, logits.shape[-1]) if labels.ndim == 1 else labels).to(logits.dtype)
