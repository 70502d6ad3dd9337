import pytest
import torch

from covpool.models.architectures.cifar_resnet import DEPTHS, PREACTIVATED_DEPTHS, cifar_preact_resnet, cifar_resnet


@pytest.mark.parametrize(("build", "depths"), [(cifar_resnet, DEPTHS), (cifar_preact_resnet, PREACTIVATED_DEPTHS)])
def test_the_depth_counts_the_layers_with_weights(build, depths):
    for depth in depths:
        if depth > 200:
            continue
        with torch.device("meta"):
            network = build(depth)
        convolutions = [m for name, m in network.named_modules() if isinstance(m, torch.nn.Conv2d)]
        shortcuts = [n for n, m in network.named_modules() if "downsample" in n and isinstance(m, torch.nn.Conv2d)]
        assert len(convolutions) - len(shortcuts) + 1 == depth  # and the classifier


@pytest.mark.parametrize("build", [cifar_resnet, cifar_preact_resnet])
def test_the_map_has_half_the_side(build):
    network = build(110).eval()
    assert network.forward_features(torch.randn(1, 3, 32, 32)).shape == (1, 64, 16, 16)


@pytest.mark.parametrize("build", [cifar_resnet, cifar_preact_resnet])
def test_intermediates_are_the_stages_and_end_with_the_map(build):
    network = build(110).eval()
    x = torch.randn(1, 3, 16, 16)
    maps = network.forward_intermediates(x, [0, 1, -1])
    assert [(m.shape[1], 16 // m.shape[2]) for m in maps] == [
        (info["num_chs"], info["reduction"]) for info in network.feature_info
    ]
    assert torch.equal(maps[-1], network(x))
    assert maps[-1].min() == 0  # rectified


def test_a_depth_that_the_release_does_not_have_is_refused():
    with pytest.raises(ValueError, match="depth must be one of 110, 164, 1001; got 20"):
        cifar_preact_resnet(20)


def test_it_has_no_gradient_checkpointing():
    cifar_resnet().set_grad_checkpointing(False)
    with pytest.raises(ValueError, match="no gradient checkpointing"):
        cifar_resnet().set_grad_checkpointing()
