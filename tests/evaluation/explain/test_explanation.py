import pytest
import torch

from covpool.evaluation.explain import explain
from covpool.models import create_network


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return create_network("conv4", "isqrt", num_classes=4, reduce_to=8)


def test_the_map_of_a_network_adds_up_to_its_score(network):
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))
    found = explain(network, image)
    logits = network.eval()(image[None])[0]
    assert found.target == int(logits.argmax())
    torch.testing.assert_close(found.logits, logits.detach())
    assert found.map.shape == found.grid
    assert found.map.sum().item() + found.found.constant == pytest.approx(logits.max().item(), abs=1e-4)
    assert len(found.pairs) == 6


def test_another_class_and_another_number_of_pairs_can_be_asked_for(network):
    image = torch.rand(1, 3, 32, 32)
    found = explain(network, image, target=3, pairs=2)
    assert (found.target, len(found.pairs)) == (3, 2)
    with pytest.raises(ValueError, match="the classes 0 to 3; got 4"):
        explain(network, image, target=4)
    with pytest.raises(ValueError, match="needs one picture"):
        explain(network, torch.rand(2, 3, 32, 32))


def test_the_modes_of_the_network_are_put_back(network):
    network.train()
    explain(network, torch.rand(3, 32, 32))
    assert all(module.training for module in network.modules())


def test_tokens_stand_in_the_grid_of_the_picture():
    sized = {"img_size": 64}
    network = create_network("vit_tiny_patch16_224", "isqrt", num_classes=2, reduce_to=6, backbone_options=sized)
    found = explain(network, torch.rand(3, 64, 64))
    assert found.grid == (4, 4)
    assert found.found.error == pytest.approx(0, abs=1e-4)
