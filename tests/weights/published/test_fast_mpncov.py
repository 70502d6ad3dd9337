import logging

import pytest
import torch
import torchvision

from covpool.models import create_network, published_networks
from covpool.weights import WeightsMismatch, convert, export
from covpool.weights.published.fast_mpncov import CLASS, DIALECTS, FINETUNE, SCRATCH
from covpool.weights.published.fast_mpncov_hashes import hashes, is_compact_bilinear
from golden_files import golden

NETWORK = "fast_mpncov/resnet26"


def state_of(name=NETWORK, **options):
    """A state dict that no two entries of share a number."""
    torch.manual_seed(0)
    state = create_network(name, **options).state_dict()
    return {key: torch.randn(t.shape) if t.is_floating_point() else t for key, t in state.items()}


@pytest.fixture(scope="module")
def small():
    """ResNet-26 with few channels pooled and few classes."""
    return state_of(num_classes=3, reduce_to=6)


@pytest.mark.parametrize("dialect", ["pytorch", "pytorch-legacy", "newmodel", "newmodel-finetune", "tensorflow"])
def test_what_was_exported_comes_back_bit_for_bit(small, dialect):
    state, ledger = convert(export(small, NETWORK, dialect), NETWORK, dialect=dialect)
    assert list(state) == list(small)
    assert all(torch.equal(state[name], small[name]) for name in small)
    assert (ledger.options["num_classes"], ledger.options["reduce_to"]) == (3, 6)


@pytest.mark.parametrize("dialect", ["pytorch", "newmodel", "newmodel-finetune", "tensorflow"])
def test_each_layout_is_recognised(small, dialect):
    assert convert(export(small, NETWORK, dialect), NETWORK)[1].dialect == dialect


def test_the_names_are_those_of_the_release(small):
    assert {"conv1.weight", "layer4.1.bn3.running_var", "layer_reduce.weight", "fc.bias"} <= set(
        export(small, NETWORK, "pytorch")
    )
    assert {"features.0.weight", "features.7.1.bn3.running_var", "representation.conv_dr_block.1.bias"} <= set(
        export(small, NETWORK, "newmodel")
    )
    assert {"features.8.weight", "features.9.running_mean", "classifier.weight"} <= set(
        export(small, NETWORK, "newmodel-finetune")
    )


def test_the_prefixes_of_parallel_training_are_read_over(small):
    plain = export(small, NETWORK, "newmodel")
    features_only = {name.replace("features.", "features.module.", 1): array for name, array in plain.items()}
    everything = {f"module.{name}": array for name, array in plain.items()}
    for arrays in (features_only, everything):
        state, ledger = convert(arrays, NETWORK)
        assert ledger.dialect == "newmodel"
        assert ledger.options["reduce_to"] == 6
        assert all(torch.equal(state[name], small[name]) for name in small)


def test_the_legacy_order_permutes_the_columns_of_the_classifier_as_the_old_layer_did(small):
    """W_old y_old = W y for every vector, with the permutation that the commit before e68a5ee gave."""
    old = export(small, NETWORK, "pytorch")
    new, _ = convert(old, NETWORK, dialect="pytorch-legacy")
    fields = golden("fast_mpncov/layer_triuvec_legacy")
    expected = fields["y_legacy"].float() @ old["fc.weight"].mT
    torch.testing.assert_close(fields["y_current"].float() @ new["head.classifier.weight"].mT, expected)
    assert torch.equal(new["head.classifier.bias"], old["fc.bias"])


def test_a_file_without_counters_gets_zeros_and_a_hint_of_the_legacy_order(small, caplog):
    arrays = export(small, NETWORK, "pytorch")
    with caplog.at_level(logging.WARNING, "covpool"):
        convert(arrays, NETWORK)
    assert "pytorch-legacy" not in caplog.text
    old = {name: array for name, array in arrays.items() if not name.endswith("num_batches_tracked")}
    with caplog.at_level(logging.WARNING, "covpool"):
        state, _ = convert(old, NETWORK)
    assert "pytorch-legacy" in caplog.text
    assert state["backbone.bn1.num_batches_tracked"] == 0


@pytest.mark.parametrize(
    ("written", "read", "hint"),
    [
        ("pytorch-legacy", "pytorch", "dialect='pytorch-legacy'"),
        ("pytorch", "pytorch-legacy", "dialect='pytorch'"),
        ("pytorch", "pytorch", None),
        ("pytorch-legacy", "pytorch-legacy", None),
    ],
)
def test_a_trained_classifier_shows_its_triangle(written, read, hint, caplog):
    state = state_of(num_classes=3, reduce_to=32)
    rows, columns = torch.triu_indices(32, 32)
    state["head.classifier.weight"][:, rows == columns] *= 3  # as training does
    with caplog.at_level(logging.WARNING, "covpool"):
        convert(export(state, NETWORK, written), NETWORK, dialect=read)
    assert (hint or "") in caplog.text
    assert bool(caplog.text) == (hint is not None)


def test_a_linear_classifier_of_vgg_is_read_from_the_file():
    name = "fast_mpncov/vgg11-bn-mpncov"
    with torch.device("meta"):
        state = create_network(name, num_classes=5, reduce_to=4, hidden=[]).state_dict()
    arrays = export(state, name, "newmodel")
    assert "classifier.weight" in arrays
    back, ledger = convert(arrays, name)
    assert ledger.options == {"num_classes": 5, "reduce_to": 4, "hidden": [], "drop_rate": 0.0}
    assert list(back) == list(state)


def test_alexnet_counts_its_dropout_among_the_layers_of_the_classifier():
    name = "fast_mpncov/alexnet-mpncov"
    state = state_of(name, num_classes=5, reduce_to=4, hidden=[7, 6])
    arrays = export(state, name, "newmodel")
    assert {"classifier.1.weight", "classifier.4.weight", "classifier.6.weight"} <= set(arrays)
    back, ledger = convert(arrays, name)
    assert ledger.options["hidden"] == [7, 6]
    assert all(torch.equal(back[key], state[key]) for key in state)


def test_compact_bilinear_pooling_gets_the_hashes_that_its_files_leave_out():
    name = "fast_mpncov/alexnet-cbp"
    state = create_network(name, num_classes=2).state_dict()
    arrays = export(state, name, "newmodel")
    assert not any("describe" in key for key in arrays)
    back, _ = convert(arrays, name)
    assert all(torch.equal(back[key], state[key]) for key in state)


def test_other_hashes_cannot_be_exported():
    name = "fast_mpncov/alexnet-cbp"
    state = create_network(name, num_classes=2, pool_options={"seed": 2}).state_dict()
    with pytest.raises(ValueError, match="cannot hold other hashes"):
        export(state, name, "newmodel")


WRITABLE = [name for name in published_networks if name.startswith("fast_mpncov/") and "cifar" not in name]


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITABLE)
def test_every_network_is_written_as_main_py_writes_it_and_read_again(name):
    with torch.device("meta"):
        state = create_network(name, num_classes=3).state_dict()
    state |= hashes(name) if is_compact_bilinear(name) else {}  # an export looks at their values
    back, ledger = convert(export(state, name, "newmodel"), name)
    assert list(back) == list(state)
    assert ledger.options["num_classes"] == 3


def test_the_weights_of_torchvision_are_those_of_average_pooling():
    torch.manual_seed(0)
    model = torchvision.models.resnet18(num_classes=4).eval()
    state, ledger = convert(model.state_dict(), "fast_mpncov/resnet18-gavp")
    network = create_network("fast_mpncov/resnet18-gavp", **ledger.options).eval()
    network.load_state_dict(state, strict=True)
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(network(x), model(x))


def test_a_file_of_another_depth_is_refused_with_both_lists(small):
    with pytest.raises(WeightsMismatch) as caught:
        convert(export(small, NETWORK, "pytorch"), "fast_mpncov/resnet50")
    assert "backbone.layer3.5.conv1.weight" in caught.value.ledger.unfilled


def test_a_network_without_reduction_has_no_class_layout_of_vgg():
    with pytest.raises(ValueError, match="not written in this layout, which is that of resnet"):
        export({}, "fast_mpncov/vgg-d", "pytorch")


def test_every_layout_is_a_dialect_and_each_table_names_a_classifier():
    assert [one.name for one in DIALECTS] == [
        "pytorch",
        "newmodel-finetune",
        "newmodel",
        "tensorflow",
        "pytorch-legacy",
    ]
    for layouts in (CLASS, SCRATCH, FINETUNE):
        for modules in layouts.values():
            assert any(ours.startswith("head.classifier") for ours in modules.values())
