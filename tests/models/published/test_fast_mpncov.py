import pytest
import timm
import torch
import torchvision
from torch import nn

from covpool.evaluation.flops import forward_flops
from covpool.models import create_network
from covpool.models.backbone import own_backbones
from covpool.models.published.fast_mpncov import NETWORKS
from covpool.pooling import pools
from covpool.weights import convert


def built(name, **options):
    with torch.device("meta"):
        return create_network(name, **options)


@pytest.mark.parametrize(
    ("name", "published"), [("resnet50", 56_929_832), ("resnet101", 75_921_960), ("vgg-d", 170_479_144)]
)
def test_the_released_networks_have_the_published_number_of_parameters(name, published):
    network = built(f"fast_mpncov/{name}")
    assert NETWORKS[f"fast_mpncov/{name}"].parameters == published
    assert sum(p.numel() for p in network.parameters()) == published


@pytest.mark.parametrize(("name", "published"), [("resnet50", 30_612_232), ("vgg-d", 21_434_120)])
def test_fine_tuning_on_200_classes_has_the_published_number_of_parameters(name, published):
    network = built(f"fast_mpncov/{name}", num_classes=200, hidden=[])
    assert sum(p.numel() for p in network.parameters()) == published


def test_vgg_keeps_its_hidden_layers_in_the_classifier_and_its_vector_before_them():
    network = built("fast_mpncov/vgg-d", num_classes=5)
    assert [type(layer) for layer in network.get_classifier()] == [nn.Linear, nn.ReLU, nn.Dropout] * 2 + [nn.Linear]
    assert network.get_classifier()[2].p == 0.5
    assert network.head.drop.p == 0.0
    assert network.head_hidden_size == 32896
    network.reset_classifier(7)
    assert network.get_classifier()[0].in_features == 32896
    assert network.get_classifier()[6].out_features == 7
    with torch.device("meta"):
        again = create_network(**network.architecture)
    assert list(again.state_dict()) == list(network.state_dict())


def test_a_cifar_network_drops_half_of_its_vector_in_training():
    network = built("fast_mpncov/cifar-preact-resnet164")
    assert network.head.drop.p == 0.5
    assert network.head_hidden_size == 8256
    assert network.pretrained_cfg["input_size"] == (3, 32, 32)


def test_hidden_layers_need_a_width():
    with pytest.raises(ValueError, match="hidden needs lengths of 1 or more"):
        built("fast_mpncov/vgg-d", hidden=[0])


def test_every_row_is_made_of_parts_that_exist_and_has_a_size():
    for card in NETWORKS.values():
        row = card.network
        assert row.backbone in own_backbones or timm.is_model(row.backbone)
        assert pools.resolve(row.pool) == row.pool
        assert card.parameters > 0
        assert card.flops > 0
        assert {"mean", "std", "crop_pct", "interpolation"} <= set(card.preprocessing)


def test_all_combinations_of_the_three_part_builder_are_there():
    backbones = ["alexnet", "vgg16", "vgg19-bn", "resnet18", "resnet152", "densenet201", "inception-v3"]
    for backbone in backbones:
        for representation in ("gavp", "bcnn", "cbp", "mpncov"):
            assert f"fast_mpncov/{backbone}-{representation}" in NETWORKS
    assert len(NETWORKS) == 4 + 19 * 4 + 11 * 2


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_and_multiply_adds_are_those_of_the_table(name):
    card = NETWORKS[name]
    network = built(name)
    assert sum(p.numel() for p in network.parameters()) == card.parameters
    side = card.input_size
    assert forward_flops(network, torch.zeros(1, 3, side, side, device="meta")) // 2 == card.flops


MIXED = {"5": "bcd", "6": "abcde", "7": "abc"}


def inception_parts():
    """main.py lists them; what is not a module of torchvision's model there is a max-pool."""
    model = torchvision.models.inception_v3(init_weights=False)
    stem = ["1a_3x3", "2a_3x3", "2b_3x3", "pool", "3b_1x1", "4a_3x3", "pool"]
    names = [*stem, *(number + letter for number, letters in MIXED.items() for letter in letters)]
    parts = {name.partition("_")[2]: module for name, module in model.named_children()}
    return nn.Sequential(*(parts.get(name, nn.MaxPool2d(3, 2)) for name in names))


CUTS = {  # ours -> the features that main.py cuts out of torchvision's model
    "alexnet-gavp": lambda: torchvision.models.alexnet().features[:-1],
    "vgg11-gavp": lambda: torchvision.models.vgg11().features[:-1],
    "vgg11-bn-gavp": lambda: torchvision.models.vgg11_bn().features[:-1],
    "resnet18-gavp": lambda: nn.Sequential(*list(torchvision.models.resnet18().children())[:-2]),
    "densenet121-gavp": lambda: nn.Sequential(*torchvision.models.densenet121().features.children(), nn.ReLU()),
    "inception-v3-gavp": inception_parts,
}


def filled(module):
    """A module of the meta device with random weights, batch statistics included."""
    torch.manual_seed(0)
    module = module.to_empty(device="cpu").eval()
    for name, tensor in module.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.zero_()
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        else:
            tensor.normal_(std=(1 / tensor[0].numel()) ** 0.5 if tensor.dim() > 1 else 0.5)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", CUTS)
def test_the_features_are_those_that_main_py_cuts_out(name):
    with torch.device("meta"):
        features = CUTS[name]()
    features = filled(features)
    network = create_network(f"fast_mpncov/{name}", num_classes=1, hidden=[]).eval()
    network.backbone.load_state_dict(backbone_state(name, features), strict=True)
    x = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(network.forward_features(x), features(x), rtol=1e-4, atol=1e-4)


def backbone_state(name, features):
    """Through the importer, as a file of main.py; DenseNet keeps its own names there."""
    with torch.device("meta"):
        names = list(torchvision.models.densenet121().features._modules) if name.startswith("densenet") else None
    arrays = {f"features.{named(key, names)}": array for key, array in features.state_dict().items()}
    with torch.device("meta"):
        width = create_network(f"fast_mpncov/{name}").num_features
    arrays |= {"classifier.weight": torch.zeros(1, width), "classifier.bias": torch.zeros(1)}
    state, ledger = convert(arrays, f"fast_mpncov/{name}")
    assert ledger.options == {"num_classes": 1, "hidden": [], "reduce_to": None, "drop_rate": 0.0}
    return {key.removeprefix("backbone."): array for key, array in state.items() if key.startswith("backbone.")}


def named(key, names):
    number, _, rest = key.partition(".")
    return key if names is None else f"{names[int(number)]}.{rest}"
