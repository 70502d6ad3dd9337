import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

from covpool.functional import triangle
from covpool.models import create_network
from covpool.weights.published.triangles import told_order, upper_to_lower


@pytest.fixture(scope="module")
def trained():
    """The classifier of a small network after forty steps on digits."""
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.5
    labels = torch.tensor(digits.target)
    network = create_network("conv4", "isqrt", 10, backbone_options={"in_chans": 1}, reduce_to=32)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for step in range(40):
        batch = slice(32 * step, 32 * step + 32)
        F.cross_entropy(network(F.interpolate(images[batch], 16)), labels[batch]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return network.head.classifier.weight.detach()


def test_a_trained_classifier_is_told_in_either_order(trained):
    assert told_order(trained) == "upper"
    assert told_order(upper_to_lower(trained)) == "lower"
    assert told_order(trained.half()) == "upper"


@pytest.mark.parametrize("seed", range(5))
def test_a_fresh_classifier_is_not_told(seed):
    weight = torch.randn(10, 32 * 33 // 2, generator=torch.Generator().manual_seed(seed))
    assert told_order(weight) is None


def test_the_places_are_those_of_the_diagonal():
    noise = torch.rand(3, 2080, generator=torch.Generator().manual_seed(0)) / 99
    rows = triangle(torch.eye(64) * 4 + 1) + noise
    assert told_order(rows) == "upper"
    assert told_order(upper_to_lower(rows)) == "lower"


@pytest.mark.parametrize(
    "weight", [torch.zeros(3, 7), torch.zeros(6), torch.zeros(3, 6), torch.empty(3, 6, device="meta")]
)
def test_what_cannot_be_told_is_none(weight):
    assert told_order(weight) is None
