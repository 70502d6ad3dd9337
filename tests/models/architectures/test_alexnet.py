import pytest
import torch
import torchvision

from covpool.models.architectures.alexnet import alexnet


def test_it_computes_torchvisions_features_without_the_last_pool():
    torch.manual_seed(0)
    official = torchvision.models.alexnet(num_classes=2).features[:-1].eval()
    ours = alexnet().eval()
    ours.features.load_state_dict(official.state_dict(), strict=True)
    x = torch.randn(1, 3, 224, 224)
    torch.testing.assert_close(ours.forward_features(x), official(x))


def test_its_intermediates_end_with_the_map():
    network = alexnet().eval()
    x = torch.randn(1, 3, 64, 64)
    maps = network.forward_intermediates(x, [0, 1, 2])
    assert [each.shape[1] for each in maps] == [info["num_chs"] for info in network.feature_info]
    assert torch.equal(maps[-1], network(x))


def test_it_has_no_gradient_checkpointing():
    alexnet().set_grad_checkpointing(False)
    with pytest.raises(ValueError, match="no gradient checkpointing"):
        alexnet().set_grad_checkpointing()
