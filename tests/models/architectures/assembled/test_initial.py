import math

import pytest
import torch
from torch import nn

from covpool.models.architectures.assembled.bottleneck import Bottleneck, Tweaks
from covpool.models.architectures.assembled.initial import initialize, initialize_classifier


def test_convolutions_are_drawn_by_fan_in_and_cut_at_two_deviations():
    torch.manual_seed(0)
    conv = nn.Conv2d(32, 64, 3)
    initialize(nn.Sequential(conv))
    weight = conv.weight.detach()
    deviation = math.sqrt(1 / (32 * 9))
    assert float(weight.std()) == pytest.approx(deviation, rel=0.03)
    assert weight.abs().max() <= 2 * deviation / 0.8796 * 1.0001


@pytest.mark.parametrize("zero_gamma", [False, True])
def test_zero_gamma_is_about_the_last_norm_of_a_block_only(zero_gamma):
    block = Bottleneck(8, 2, tweaks=Tweaks())
    initialize(block, zero_gamma=zero_gamma)
    assert block.bn3.weight.unique().tolist() == [0.0 if zero_gamma else 1.0]
    assert block.bn2.weight.unique().tolist() == [1.0]


def test_a_classifier_of_sigmoids_starts_at_one_over_the_classes():
    classifier = nn.Linear(8, 1001)
    initialize_classifier(classifier)
    assert not classifier.bias.any()
    assert classifier.weight.abs().max() <= math.sqrt(6 / 1009)
    initialize_classifier(classifier, sigmoid=True)
    torch.testing.assert_close(classifier.bias.detach(), torch.full((1001,), -math.log(1000)))
