import pytest
import timm
import torch
import torch.nn.functional as F

from covpool.weights import load_weights, offline, read_arrays, rename
from covpool.weights.efficientnet_lite0 import RULES

# (expansion, kernel, stride) of the sixteen blocks: Tan and Le, ICML 2019, table 1.
BLOCKS = [
    *[(1, 3, 1)],
    *[(6, 3, 2), (6, 3, 1)],
    *[(6, 5, 2), (6, 5, 1)],
    *[(6, 3, 2), (6, 3, 1), (6, 3, 1)],
    *[(6, 5, 1), (6, 5, 1), (6, 5, 1)],
    *[(6, 5, 2), (6, 5, 1), (6, 5, 1), (6, 5, 1)],
    *[(6, 3, 1)],
]


def package_names():
    """Names as the package has them, in its order, by counting through its layers."""
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    names = ["_conv_stem.weight", *(f"_bn0.{part}" for part in norm)]
    for index, (expansion, _, _) in enumerate(BLOCKS):
        layers = [("_expand_conv", "_bn0")] if expansion > 1 else []
        for conv, bn in [*layers, ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]:
            names += [f"_blocks.{index}.{conv}.weight", *(f"_blocks.{index}.{bn}.{part}" for part in norm)]
    return [*names, "_conv_head.weight", *(f"_bn1.{part}" for part in norm), "_fc.weight", "_fc.bias"]


def same_padded(x, weight, stride, groups=1):
    """TensorFlow's SAME convolution: what does not divide is padded at the bottom and the right."""
    pads = []
    for size in (x.shape[3], x.shape[2]):
        missing = max((-(-size // stride) - 1) * stride + weight.shape[2] - size, 0)
        pads += [missing // 2, missing - missing // 2]
    return F.conv2d(F.pad(x, pads), weight, stride=stride, groups=groups)


def naive_logits(arrays, x):
    """The network written out on the package's own names."""

    def norm(x, name, act=True):
        mean, var, w, b = (arrays[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = F.batch_norm(x, mean, var, w, b, eps=1e-3)
        return x.clamp(0, 6) if act else x

    x = norm(same_padded(x, arrays["_conv_stem.weight"], 2), "_bn0")
    for index, (expansion, _, stride) in enumerate(BLOCKS):
        block, skip = f"_blocks.{index}", x
        if expansion > 1:
            x = norm(F.conv2d(x, arrays[f"{block}._expand_conv.weight"]), f"{block}._bn0")
        x = norm(same_padded(x, arrays[f"{block}._depthwise_conv.weight"], stride, x.shape[1]), f"{block}._bn1")
        x = norm(F.conv2d(x, arrays[f"{block}._project_conv.weight"]), f"{block}._bn2", act=False)
        x = x + skip if x.shape == skip.shape else x
    x = norm(F.conv2d(x, arrays["_conv_head.weight"]), "_bn1").mean((2, 3))
    return F.linear(x, arrays["_fc.weight"], arrays["_fc.bias"])


def test_all_296_names_become_those_of_timm_in_the_same_order():
    names = package_names()
    with torch.device("meta"):
        wanted = timm.create_model("tf_efficientnet_lite0").state_dict()
    renamed, ledger = rename({name: name for name in names}, RULES)
    assert len(names) == 296
    assert ledger.dropped == ledger.unmatched == []
    assert list(renamed) == list(wanted)


def test_a_block_that_does_not_exist_is_an_error():
    with pytest.raises(ValueError, match="has 16 blocks, none of number 16"):
        rename({"_blocks.16._bn1.weight": 0}, RULES)


@pytest.fixture(scope="module")
def path():
    found = offline.get("tf_efficientnet_lite0").find()
    if found is None:
        pytest.skip("needs covpool[offline-weights]")
    return found


def test_the_package_loads_strictly_and_computes_what_its_layers_say(path):
    network = timm.create_model("tf_efficientnet_lite0").eval()
    ledger = load_weights(network, path, rules=RULES)
    arrays = read_arrays(path)
    assert (len(ledger.matched), ledger.dropped) == (296, [])
    assert list(arrays) == package_names()
    x = torch.randn(2, 3, 97, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = naive_logits(arrays, x)
        assert torch.allclose(network(x), expected, atol=1e-4)


def test_the_plain_network_takes_every_name_and_computes_something_else(path):
    network = timm.create_model("efficientnet_lite0").eval()
    assert load_weights(network, path, rules=RULES).complete
    x = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert (network(x) - naive_logits(read_arrays(path), x)).abs().max() > 0.5
