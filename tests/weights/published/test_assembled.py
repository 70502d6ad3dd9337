import numpy as np
import pytest
import torch

from covpool.models import skeleton
from covpool.models.published.assembled import NETWORKS
from covpool.weights import WeightsMismatch, convert, export
from covpool.weights.published.assembled import LEAVES, creation_order

QUICK = ("resnet50", "resnet101-d", "bl-resnet50-d", "assemble-resnet101")


def official_file(network, **options):
    """A checkpoint of the network, without memory: what would be written."""
    state = {name: torch.empty(shape, device="meta") for name, shape in skeleton(network, **options).items()}
    return export(state, network, "tensorflow")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name.split("/")[1] in QUICK else pytest.mark.slow) for name in NETWORKS]
)
def test_every_weight_has_a_name_in_tensorflow(name):
    state = {key for key in skeleton(name) if not key.endswith("num_batches_tracked")}
    layers = {layer for _, layer in creation_order(name)}
    assert {key.rpartition(".")[0] for key in state} <= layers
    assert len(official_file(name)) == len(state)


def test_names_follow_the_order_of_creation():
    vanilla = dict(creation_order("assembled/resnet50"))
    assert vanilla["resnet_model/conv2d_52"] == "backbone.stage4.2.conv3"
    assert vanilla["resnet_model/batch_normalization_11"] == "backbone.stage2.0.shortcut.bn"
    assembled = dict(creation_order("assembled/assemble-resnet152"))
    assert assembled["resnet_model/stage2/little2/conv2d_16"] == "backbone.stage2.expand"
    assert assembled["resnet_model/stage0_1/batch_normalization"] == "backbone.stem.bn1"
    deep = dict(creation_order("assembled/bl-resnet50-d"))
    assert deep["resnet_model/stage0_1/batch_normalization"] == "backbone.stem.bn3"


def test_what_a_training_checkpoint_holds_beside_the_network_is_dropped_by_rule():
    file = official_file("assembled/resnet50-emb128", num_classes=7)
    slots = {f"{name}/Momentum": array for name, array in file.items() if "moving" not in name}
    beside = {"global_step": torch.zeros((), dtype=torch.long), "loss_scale": torch.tensor(128.0)}
    state, ledger = convert({**file, **slots, **beside}, "assembled/resnet50-emb128")
    assert set(ledger.dropped) == {*slots, *beside}
    assert ledger.options == {"num_classes": 7, "embedding": 128}
    assert set(state) == set(skeleton("assembled/resnet50-emb128", num_classes=7))


def test_names_of_tensors_are_read_too():
    file = {f"{name}:0": array for name, array in official_file("assembled/resnet50").items()}
    assert convert(file, "assembled/resnet50")[1].complete


def tiny(**changed):
    """The head of a file, whose classifier is filled."""
    file = official_file("assembled/resnet50")
    kernel = np.arange(2048 * 1001, dtype=np.float32).reshape(2048, 1001)
    return {**file, "resnet_model/dense/kernel": kernel, "resnet_model/dense/bias": np.arange(1001.0), **changed}


def test_the_background_class_goes_on_request():
    state, ledger = convert(tiny(), "assembled/resnet50", dialect="tensorflow-1000")
    assert ledger.options == {"num_classes": 1000}
    assert state["head.classifier.weight"].shape == (1000, 2048)
    assert state["head.classifier.weight"][0, :2].tolist() == [1.0, 1002.0]
    assert state["head.classifier.bias"][0] == 1
    kept, _ = convert(tiny(), "assembled/resnet50")
    torch.testing.assert_close(kept["head.classifier.weight"][1:], state["head.classifier.weight"])


def test_a_classifier_without_background_class_is_not_cut():
    other = {"resnet_model/dense/kernel": torch.zeros(2048, 101), "resnet_model/dense/bias": torch.zeros(101)}
    with pytest.raises(ValueError, match="this file's has 101"):
        convert(tiny(**other), "assembled/resnet50", dialect="tensorflow-1000")
    assert convert(tiny(**other), "assembled/resnet50")[1].options == {"num_classes": 101}


def test_a_flattened_map_tells_its_size():
    file = {**official_file("assembled/resnet50-flatten"), "resnet_model/dense/kernel": torch.zeros(2048 * 64, 1001)}
    _, ledger = convert(file, "assembled/resnet50-flatten")
    assert ledger.options == {"num_classes": 1001, "pool_options": {"positions": 64}}


def test_what_does_not_fit_is_listed_under_its_own_name():
    file = official_file("assembled/resnet50")
    file["resnet_model/conv2d_53/kernel"] = torch.zeros(1, 1, 3, 3)
    file["resnet_model/conv2d_4/kernel"] = torch.zeros(3)
    del file["resnet_model/batch_normalization_3/gamma"]
    with pytest.raises(WeightsMismatch) as error:
        convert(file, "assembled/resnet50")
    ledger = error.value.ledger
    assert ledger.unmatched == ["resnet_model/conv2d_53/kernel"]
    assert ledger.unfilled == ["backbone.stage1.0.bn2.weight"]
    assert ledger.misshapen == {"backbone.stage1.0.conv3.weight": ((256, 64, 1, 1), (3,))}


def test_a_file_of_another_tweak_does_not_pass():
    with pytest.raises(WeightsMismatch):
        convert(official_file("assembled/resnet50-d"), "assembled/resnet50")


def test_the_order_is_known_for_our_names_only():
    with pytest.raises(ValueError, match="got 'assembled/bl-resnet200'"):
        list(creation_order("assembled/bl-resnet200"))


def test_leaves_of_a_layer_are_named_once_a_kind():
    assert set(LEAVES) == {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"}
