"""Whole networks of fast MPN-COV against the logits and pooled vectors of the official code, in float32."""

import json
import math

import numpy as np
import pytest
import torch

from covpool.models import create_network
from covpool.weights import convert, export
from golden_files import GOLDEN, relative_error
from golden_recipe import draw, image

FOLDER = GOLDEN / "fast_mpncov" / "networks"
LIMIT = 1e-4

# official file -> our network, the dialect it is recognised as, what the file decides
FILES = {
    "mpncovresnet50": ("resnet50", "pytorch", (1000, [], 256)),
    "mpncovresnet101": ("resnet101", "pytorch", (1000, [], 256)),
    "mpncovvgg16_bn": ("vgg-d", "newmodel", (1000, [4096, 4096], 256)),
    "newmodel_scratch_mpncovresnet50": ("resnet50", "newmodel", (1000, [], 256)),
    "newmodel_scratch_vgg16_bn": ("vgg16-bn-mpncov", "newmodel", (1000, [4096, 4096], 256)),
    "newmodel_finetune_mpncovresnet50_200c": ("resnet50", "newmodel-finetune", (200, [], 256)),
    "newmodel_finetune_mpncovvgg16_bn_200c": ("vgg-d", "newmodel", (200, [], 256)),
    "tf_mpncovresnet50": ("resnet50", "tensorflow", (1000, [], 256)),
    "tf_mpncov_vgg16bn": ("vgg-d", "tensorflow", (1000, [4096, 4096], 256)),
    "tf_cifar_mpncovresnet20": ("cifar-resnet20", "tensorflow", (100, [], 128)),
    "tf_cifar_preact_mpncovresnet164": ("cifar-preact-resnet164", "tensorflow", (100, [], 128)),
}


def shapes(name):
    """Names and shapes of a file, or the shapes of a list."""
    keys = FOLDER / f"{name}.keys.json"
    if keys.exists():
        return json.loads(keys.read_text())
    variables = json.loads((FOLDER / f"{name}.vars.json").read_text())
    return [each.get("tf_shape", each.get("shape")) for each in variables]


def drawn(name):
    """The arrays of a file, as the official code had them."""
    if (FOLDER / f"{name}.keys.json").exists():
        return {key: draw(key, shape) for key, shape in shapes(name).items()}
    return [variable(each) for each in json.loads((FOLDER / f"{name}.vars.json").read_text())]


def variable(entry):
    if "draw_key" in entry:
        return draw(entry["draw_key"], entry["shape"], "hwio")
    array = draw(entry["torch_key"], entry["torch_shape"])
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def built(name):
    """The network with the arrays of a file in it."""
    network = f"fast_mpncov/{FILES[name][0]}"
    state, ledger = convert(drawn(name), network)
    model = create_network(network, **ledger.options).eval()
    model.load_state_dict(state, strict=True)
    return model


def outputs(model, x):
    with torch.no_grad():
        features = model.forward_features(x)
        return model.forward_head(features), model.forward_head(features, pre_logits=True)


def assert_equals_golden(name, rep_limit=LIMIT):
    fields = np.load(FOLDER / f"{name}.golden.npz")
    x = torch.from_numpy(image(str(fields["input_name"]), tuple(fields["input_shape"])))
    logits, vector = outputs(built(name), x)
    assert relative_error(logits, torch.from_numpy(fields["logits"])) <= LIMIT
    if "rep" in fields:
        assert tuple(vector.shape) == tuple(fields["rep_shape"])
        rep = torch.from_numpy(fields["rep"])
        assert relative_error(vector[:, : rep.shape[1]], rep) <= rep_limit


@pytest.mark.parametrize("name", FILES)
def test_every_array_of_an_official_file_has_its_place_and_goes_back_there(name):
    wanted = shapes(name)
    pairs = list(wanted.items()) if isinstance(wanted, dict) else [(str(i), shape) for i, shape in enumerate(wanted)]
    arrays = {key: torch.empty(shape, device="meta") for key, shape in pairs}
    network, dialect, (classes, hidden, width) = FILES[name]
    state, ledger = convert(arrays, f"fast_mpncov/{network}")
    assert ledger.dialect == dialect
    assert len(ledger.matched) == len(arrays)
    assert ledger.dropped == []
    assert (ledger.options["num_classes"], list(ledger.options["hidden"])) == (classes, hidden)
    assert ledger.options["reduce_to"] == width
    back = export(state, f"fast_mpncov/{network}", dialect)
    assert {key: list(array.shape) for key, array in back.items()} == dict(pairs)


def test_the_cifar_network_gives_the_official_logits():
    assert_equals_golden("tf_cifar_mpncovresnet20")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "mpncovresnet50",
        "newmodel_scratch_mpncovresnet50",
        "newmodel_finetune_mpncovresnet50_200c",
        "tf_mpncovresnet50",
        "newmodel_scratch_vgg16_bn",
    ],
)
def test_a_network_gives_the_official_logits_and_vectors(name):
    assert_equals_golden(name)


@pytest.mark.slow
def test_vgg_d_gives_the_official_logits_and_the_vectors_to_their_own_rounding():
    """The official float32 covariance, X (I/M - 11'/M^2) X', cancels: the golden itself is 1.0e-4 from float64."""
    assert_equals_golden("mpncovvgg16_bn", rep_limit=1.1e-4)


@pytest.mark.slow
def test_our_float32_vectors_are_nearer_to_float64_than_the_official_ones():
    fields = np.load(FOLDER / "mpncovresnet50.golden.npz")
    x = torch.from_numpy(image(str(fields["input_name"]), tuple(fields["input_shape"])))[:1]
    model = built("mpncovresnet50")
    single = outputs(model, x)[1][:, :4096]
    double = outputs(model.double(), x.double())[1][:, :4096]
    assert relative_error(single, double) <= 5e-6
    assert relative_error(torch.from_numpy(fields["rep"][:1]), double) >= 5e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "mpncovresnet101",
        "newmodel_finetune_mpncovvgg16_bn_200c",
        "tf_mpncov_vgg16bn",
        "tf_cifar_preact_mpncovresnet164",
    ],
)
def test_a_network_without_golden_loads_strictly_and_gives_finite_logits(name):
    side = 32 if "cifar" in name else 64
    logits, vector = outputs(built(name), torch.from_numpy(image("fastmpn_small", (1, 3, side, side))))
    assert logits.shape == (1, FILES[name][2][0])
    assert vector.shape == (1, math.comb(FILES[name][2][2] + 1, 2))
    assert logits.isfinite().all()


@pytest.mark.slow
def test_a_list_of_variables_gives_what_the_same_weights_of_pytorch_give():
    """The two releases agree to 2e-7 (measured); here the conversions of both end in the very same state."""
    ours, _ = convert(drawn("mpncovresnet50"), "fast_mpncov/resnet50")
    theirs, _ = convert(drawn("tf_mpncovresnet50"), "fast_mpncov/resnet50")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
