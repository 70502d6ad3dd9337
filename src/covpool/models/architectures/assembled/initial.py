"""Fresh weights as the release draws them."""

from __future__ import annotations

from math import log, sqrt

from torch import nn

from covpool.models.architectures.assembled.bottleneck import Bottleneck

_TRUNCATED = 0.87962566  # deviation of a standard normal cut at 2


def initialize(backbone: nn.Module, *, zero_gamma: bool = False) -> None:
    """Draw the convolutions from a normal of variance 1 / fan-in, cut at two deviations; batch norms are 1 and 0.

    Source: tf.variance_scaling_initializer(), the default of every convolution of the release. timm and torchvision
    draw by fan-out.

    Args:
        backbone: whose convolutions are drawn.
        zero_gamma: the last batch norm of each block starts at 0, so that each block starts as its shortcut
            (Goyal et al. 2017). False is the release's default; its training scripts from scratch set it.
    """
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            deviation = sqrt(1 / module.weight[0].numel()) / _TRUNCATED
            nn.init.trunc_normal_(module.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
        elif zero_gamma and isinstance(module, Bottleneck):
            nn.init.zeros_(module.bn3.weight)


def initialize_classifier(classifier: nn.Linear, *, sigmoid: bool = False) -> None:
    """Draw a classifier as the release does: Glorot uniform, and a bias of 0, or -ln(K - 1) for K sigmoids.

    With that bias each of the K sigmoids starts at a probability of 1/K (Lin et al. ICCV 2017).

    Example:
        >>> classifier = nn.Linear(4, 3)
        >>> initialize_classifier(classifier, sigmoid=True)
        >>> classifier.bias.detach().sigmoid()
        tensor([0.3333, 0.3333, 0.3333])
    """
    nn.init.xavier_uniform_(classifier.weight)
    nn.init.constant_(classifier.bias, -log(classifier.out_features - 1) if sigmoid else 0.0)
