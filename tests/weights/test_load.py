import logging

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from covpool.weights import KEEP, Rule, WeightsMismatch, load_weights, read_arrays


@pytest.fixture
def network():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


@pytest.fixture
def trained():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    network(torch.randn(8, 2))
    return network.state_dict()


def equal(network, arrays):
    return all(torch.equal(value, arrays[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt", "weights.pth"])
def test_weights_load_from_every_kind_of_file(network, trained, tmp_path, name):
    path = tmp_path / name
    save_file(trained, path) if path.suffix == ".safetensors" else torch.save(trained, path)
    ledger = load_weights(network, path)
    assert equal(network, trained)
    assert len(ledger.matched) == 7
    assert ledger.complete


@pytest.mark.parametrize("key", ["state_dict", "model", "network"])
def test_weights_are_found_inside_the_checkpoint_of_a_training_program(network, trained, tmp_path, key, caplog):
    torch.save({"epoch": 3, key: trained}, tmp_path / "last.pth.tar")
    with caplog.at_level(logging.INFO, "covpool"):
        load_weights(network, str(tmp_path / "last.pth.tar"))
    assert equal(network, trained)
    assert f"taking the weights under {key!r}" in caplog.text


def test_averaged_weights_come_before_the_last_ones(trained, tmp_path):
    torch.save({"network": {}, "ema": trained}, tmp_path / "a.pt")
    torch.save({"network": trained, "ema": None}, tmp_path / "b.pt")
    assert read_arrays(tmp_path / "a.pt").keys() == read_arrays(tmp_path / "b.pt").keys() == trained.keys()


def test_numpy_arrays_are_taken_too(network, trained):
    load_weights(network, {name: value.numpy() for name, value in trained.items()})
    assert equal(network, trained)
    assert isinstance(network[0].weight, nn.Parameter)


def test_rules_rename_and_drop(network, trained):
    foreign = {f"module.{name}": value for name, value in trained.items()} | {"step": np.zeros(1)}
    ledger = load_weights(network, foreign, rules=[Rule(r"module\.(.+)", r"\1"), Rule("step", None)])
    assert ledger.dropped == ["step"]
    assert equal(network, trained)


def test_nothing_changes_unless_everything_fits(network, trained):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(WeightsMismatch, match=r"0\.bias"):
        load_weights(network, {name: value for name, value in trained.items() if name != "0.bias"}, rules=[KEEP])
    assert equal(network, before)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"epoch": 3, "loss": 0.1}, "holds no weights.*got a mapping of epoch, loss"),
        ([torch.zeros(1)], "got a list"),
        ({}, "holds no weights"),
    ],
)
def test_files_without_weights_are_refused(content, sentence, tmp_path):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=sentence):
        read_arrays(tmp_path / "x.pt")


def test_files_that_need_code_to_be_run_are_refused(tmp_path):
    torch.save(nn.Linear(1, 1), tmp_path / "whole.pt")
    (tmp_path / "text.pt").write_text("hello")
    for name, reason in {
        "whole.pt": "it asks for torch.nn.modules.linear.Linear",
        "text.pt": "its content is of no format that is known",
        "absent.pt": "there is no such file",
    }.items():
        with pytest.raises(ValueError, match=f"cannot read .*{name}: .*{reason}"):
            read_arrays(tmp_path / name)
