import json

import pytest
import torch

from covpool.models.create import skeleton
from covpool.weights import WeightsMismatch, convert, export
from golden_files import GOLDEN

FOLDERS = {
    "ms_resnet18_fastmpn": ("mindspore-resnet18-mpncov", "mindspore", 128),
    "ms_resnet34_fastmpn": ("mindspore-resnet34-mpncov", "mindspore", 128),
    "ms_resnet50_dropcov": ("mindspore-resnet50-dropcov", "mindspore", 128),
    "resnet34_ACD": ("resnet34-dropcov", "pytorch", 256),
    "resnet101_ACD": ("resnet101-dropcov", "pytorch", 256),
    "resnet50_mpncov_128": ("resnet50-mpncov-128", "pytorch", 128),
    "mobilenet_v2_mpncov": ("mobilenet-v2-mpncov", "pytorch", 256),
    "landscape_resnet18_mpncov": ("resnet18-mpncov", "landscape", 256),
    "landscape_resnet18": ("resnet18-gap", "pytorch", None),
}


def checkpoint(folder):
    """Arrays of the names and shapes of an official file, without memory."""
    keys = json.loads((GOLDEN / "gcp_opt" / folder / "keys.json").read_text())
    return {key: torch.empty(shape, device="meta") if shape else torch.tensor(7.0) for key, shape in keys.items()}


def shapes(arrays):
    return {name: tuple(array.shape) for name, array in arrays.items()}


def drawn(network, **options):
    """A small whole state dict with values that tell one another apart."""
    generator = torch.Generator().manual_seed(0)
    wanted = skeleton(network, **options)
    return {
        name: torch.tensor(3) if name.endswith("num_batches_tracked") else torch.randn(shape, generator=generator)
        for name, shape in wanted.items()
    }


def assert_comes_back(state, network, dialect):
    again, ledger = convert(export(state, network, dialect), network)
    assert ledger.dialect == dialect
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], state[name]) for name in state if not name.endswith("num_batches_tracked"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_name_of_an_official_file_has_its_place_and_comes_back(folder):
    name, dialect, width = FOLDERS[folder]
    arrays = checkpoint(folder)
    state, ledger = convert(arrays, f"gcp_opt/{name}")
    assert ledger.dialect == dialect
    assert ledger.options.get("reduce_to") == width
    assert ledger.options["num_classes"] == 1000
    assert len(ledger.matched) == len(arrays)
    assert shapes(export(state, f"gcp_opt/{name}", dialect)) == shapes(arrays)


@pytest.mark.parametrize("width", [64, 128, 160])
def test_the_width_and_the_classes_are_read_from_the_file(width):
    arrays = checkpoint("resnet34_ACD")
    arrays["layer_reduce.weight"] = torch.empty(width, 512, 1, 1, device="meta")
    for leaf in ("weight", "bias", "running_mean", "running_var"):
        arrays[f"layer_reduce_bn.{leaf}"] = torch.empty(width, device="meta")
    arrays["fc.weight"] = torch.empty(1001, width * (width + 1) // 2, device="meta")
    arrays["fc.bias"] = torch.empty(1001, device="meta")
    state, ledger = convert(arrays, "gcp_opt/resnet34-dropcov")
    assert ledger.options == {"num_classes": 1001, "reduce_to": width}
    assert shapes(state) == skeleton("gcp_opt/resnet34-dropcov", **ledger.options)


def test_a_mindspore_file_of_1001_classes_is_read_as_such():
    arrays = checkpoint("ms_resnet18_dropcov")
    arrays["fc.weight"] = torch.empty(1001, 8256, device="meta")
    arrays["fc.bias"] = torch.empty(1001, device="meta")
    _, ledger = convert(arrays, "gcp_opt/mindspore-resnet18-dropcov")
    assert ledger.options == {"num_classes": 1001, "reduce_to": 128}


def test_names_of_data_parallel_training_are_known():
    arrays = {f"module.{name}": array for name, array in checkpoint("resnet34_ACD").items()}
    _, ledger = convert(arrays, "gcp_opt/resnet34-dropcov")
    assert len(ledger.matched) == len(arrays)


def test_state_of_mindspores_optimizer_is_dropped_by_rule():
    arrays = checkpoint("ms_resnet18_dropcov")
    extra = {f"moments.{name}": array for name, array in arrays.items() if "moving" not in name}
    extra |= {name: torch.tensor(1.0) for name in ("learning_rate", "global_step", "momentum", "epoch_num", "step_num")}
    extra |= {"accum.fc.weight": arrays["fc.weight"]}
    _, ledger = convert({**arrays, **extra}, "gcp_opt/mindspore-resnet18-dropcov")
    assert set(ledger.dropped) == set(extra)
    assert set(ledger.matched) == set(arrays)


def test_names_inside_mindspores_training_cells_are_known():
    arrays = {f"network._backbone.{name}": array for name, array in checkpoint("ms_resnet18_dropcov").items()}
    _, ledger = convert(arrays, "gcp_opt/mindspore-resnet18-dropcov")
    assert ledger.options == {"num_classes": 1000, "reduce_to": 128}
    assert len(ledger.matched) == len(arrays)


def test_mindspore_has_no_counters_so_they_start_at_zero():
    state, _ = convert(checkpoint("ms_resnet18_dropcov"), "gcp_opt/mindspore-resnet18-dropcov")
    counters = [array for name, array in state.items() if name.endswith("num_batches_tracked")]
    assert len(counters) == 21
    assert not any(map(bool, counters))


def test_the_filter_of_the_channel_attention_loses_an_axis_and_gets_it_back():
    network = "gcp_opt/mindspore-resnet18-dropcov"
    state = drawn(network, num_classes=3, reduce_to=8)
    written = export(state, network, "mindspore")
    assert written["eca_layer.conv.weight"].shape == (1, 1, 1, 3)
    assert_comes_back(state, network, "mindspore")


@pytest.mark.parametrize(
    ("network", "dialect"),
    [
        ("mindspore-resnet18-mpncov", "mindspore"),
        ("resnet18-dropcov", "pytorch"),
        ("resnet18-mpncov", "landscape"),
        ("mobilenet-v2-mpncov", "pytorch"),
        ("mobilenet-v2-mpncov", "landscape"),
        ("shufflenet-v2-x0_5-mpncov", "pytorch"),
    ],
)
def test_what_is_written_in_a_layout_is_read_back_bit_for_bit(network, dialect):
    state = drawn(f"gcp_opt/{network}", num_classes=3, reduce_to=8)
    assert_comes_back(state, f"gcp_opt/{network}", dialect)


def test_every_array_of_a_shufflenet_is_named_as_in_torchvision():
    written = export(
        skeleton_tensors("gcp_opt/shufflenet-v2-x0_5-mpncov"), "gcp_opt/shufflenet-v2-x0_5-mpncov", "pytorch"
    )
    assert {"conv1.0.weight", "stage4.0.branch1.0.weight", "conv5.1.running_var", "fc.bias"} < written.keys()
    assert {"dimension_reduction.0.weight", "dimension_reduction.1.weight"} < written.keys()


def skeleton_tensors(network):
    return {name: torch.empty(shape, device="meta") for name, shape in skeleton(network).items()}


def test_weights_of_one_framework_are_refused_for_the_network_of_the_other():
    with pytest.raises(ValueError, match=r"names of MindSpore.*gcp_opt/mindspore-resnet18-dropcov"):
        convert(checkpoint("ms_resnet18_dropcov"), "gcp_opt/resnet18-dropcov")
    with pytest.raises(ValueError, match=r"names of PyTorch.*gcp_opt/resnet34-dropcov"):
        convert(checkpoint("resnet34_ACD"), "gcp_opt/mindspore-resnet34-dropcov")
    with pytest.raises(ValueError, match="names of MindSpore"):
        export(skeleton_tensors("gcp_opt/resnet18-mpncov"), "gcp_opt/resnet18-mpncov", "mindspore")


def test_weights_of_another_pool_or_depth_are_an_error_that_lists_both_sides():
    with pytest.raises(WeightsMismatch) as caught:
        convert(checkpoint("ms_resnet18_dropcov"), "gcp_opt/mindspore-resnet18-mpncov")
    assert caught.value.ledger.unmatched == ["eca_layer.conv.weight"]
    with pytest.raises(WeightsMismatch) as caught:
        convert(checkpoint("landscape_resnet18_mpncov"), "gcp_opt/resnet34-mpncov")
    assert "backbone.layer1.2.conv1.weight" in caught.value.ledger.unfilled


def test_a_layout_without_names_for_all_of_a_network_does_not_drop_any():
    state = skeleton_tensors("gcp_opt/resnet18-dropcov")
    with pytest.raises(ValueError, match="for which this layout has no name"):
        export(state, "gcp_opt/resnet18-dropcov", "landscape")
