import timm
import torch
import torchvision

from covpool.weights.published.mobilenet_v2 import mobilenet_v2_modules


def test_torchvisions_weights_give_torchvisions_map_in_timms_network():
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v2().eval()
    ours = timm.create_model("mobilenetv2_100", num_classes=0).eval()
    modules = mobilenet_v2_modules("features.0", first=1)
    places = {name: name.rpartition(".") for name in theirs.state_dict() if name.startswith("features.")}
    state = {
        f"{modules[module].removeprefix('backbone.')}.{leaf}": theirs.state_dict()[name]
        for name, (module, _, leaf) in places.items()
    }
    ours.load_state_dict(state, strict=True)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours.forward_features(x), theirs.features(x), rtol=1e-4, atol=1e-5)


def test_networks_with_a_stem_of_its_own_count_blocks_from_zero():
    modules = mobilenet_v2_modules("conv1", first=0)
    assert modules["conv1.0"] == "backbone.conv_stem"
    assert modules["features.0.conv.1"] == "backbone.blocks.0.0.conv_pw"
    assert modules["features.17.0"] == "backbone.conv_head"
