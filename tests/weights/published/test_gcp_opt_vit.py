import json
from argparse import Namespace
from functools import cache

import numpy as np
import pytest
import torch

from covpool.models import create_network
from covpool.weights import WeightsMismatch, convert, export, read_arrays
from golden_files import GOLDEN

TINY = "gcp_opt/deit-drop-tiny"


@cache
def official(folder="Deit_drop_Tiny"):
    """A different small number for every array: which one went where is told from it."""
    keys = json.loads((GOLDEN / "gcp_opt" / folder / "keys.json").read_text())
    return {name: np.full(shape, index, np.float32) for index, (name, shape) in enumerate(keys.items())}


@pytest.mark.parametrize(
    ("folder", "network"),
    [
        ("Deit_drop_Tiny", TINY),
        ("Deit_drop_Small", "gcp_opt/deit-drop-small"),
        ("Deit_drop_Base", "gcp_opt/deit-drop-base"),
        ("T2T_ViT_14", "gcp_opt/t2t-drop-14"),
    ],
)
def test_every_name_of_a_checkpoint_has_its_place(folder, network):
    keys = json.loads((GOLDEN / "gcp_opt" / folder / "keys.json").read_text())
    arrays = {name: torch.empty(shape, device="meta") for name, shape in keys.items()}
    state, ledger = convert(arrays, network)
    assert len(state) == len(ledger.matched) == len(keys)
    assert (ledger.dialect, ledger.dropped, ledger.options) == ("pytorch-vit", [], {"num_classes": 1000})


def test_dense_layers_are_counted_from_one_there_and_from_zero_here():
    arrays, (state, _) = official(), convert(official(), TINY)
    ours, theirs = "backbone.visual_tokens.stages", "visual_tokens.tokens.stage"
    for new, old in [
        (f"{ours}.dense1.layers.0.narrow.weight", f"{theirs}.2.denselayer1.conv1.weight"),
        (f"{ours}.dense2.layers.5.grow.weight", f"{theirs}.4.denselayer6.conv2.weight"),
        (f"{ours}.transition0.norm.running_var", f"{theirs}.1.norm.running_var"),
        ("head.summary_classifier.bias", "classifier.cls_fc.bias"),
        ("head.classifier.weight", "classifier.visual_fc.weight"),
    ]:
        assert torch.equal(state[new], torch.from_numpy(arrays[old])), new


def test_export_gives_the_file_back_bit_by_bit():
    arrays, (state, _) = official(), convert(official(), TINY)
    back = export(state, TINY, "pytorch-vit")
    assert back.keys() == arrays.keys()
    assert all(np.array_equal(back[name].numpy(), arrays[name]) for name in arrays)


def test_names_saved_inside_data_parallel_are_understood():
    plain, _ = convert(official(), TINY)
    wrapped, _ = convert({f"module.{name}": array for name, array in official().items()}, TINY)
    assert all(torch.equal(wrapped[name], plain[name]) for name in plain)


def test_averaged_weights_are_taken_from_a_checkpoint_of_the_training_program(tmp_path):
    """What timm 0.4.12 saves with ``--model-ema``, which the release judges."""
    averaged = {name: torch.from_numpy(array) for name, array in official().items()}
    content = {
        "epoch": 309,
        "arch": "Deit_drop_Tiny",
        "state_dict": {name: array + 1 for name, array in averaged.items()},
        "optimizer": {"state": {0: {"step": 7}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999)}]},
        "version": 2,
        "args": Namespace(model="Deit_drop_Tiny", scale=[0.08, 1.0]),
        "state_dict_ema": averaged,
        "metric": 71.5,
    }
    torch.save(content, tmp_path / "model_best.pth.tar")
    state, _ = convert(read_arrays(tmp_path / "model_best.pth.tar"), TINY)
    assert torch.equal(state["head.classifier.bias"], averaged["classifier.visual_fc.bias"])


def test_the_number_of_classes_is_read_from_the_file():
    classifiers = ("classifier.visual_fc.", "classifier.cls_fc.")
    arrays = {name: a[:7] if name.startswith(classifiers) else a for name, a in official().items()}
    state, ledger = convert(arrays, TINY)
    network = create_network(TINY, **ledger.options)
    network.load_state_dict(state, strict=True)
    assert network.num_classes == network.head.summary_classifier.out_features == 7


def test_a_checkpoint_of_another_size_is_an_error_with_both_shapes():
    with pytest.raises(WeightsMismatch, match="384"):
        convert(official("Deit_drop_Tiny"), "gcp_opt/deit-drop-small")


def test_a_missing_array_is_an_error_that_names_it():
    arrays = {name: array for name, array in official().items() if name != "norm.bias"}
    with pytest.raises(WeightsMismatch, match=r"backbone\.norm\.bias"):
        convert(arrays, TINY)
