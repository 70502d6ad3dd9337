import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from scipy.io import savemat

from covpool.models import restore_network
from covpool.weights import read_arrays
from golden_files import GOLDEN
from parity.matconvnet_recipe import official_parameters

NAME, FOLDER = "gm_sop/resnet18", "ResNet18-GAP"


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """A released file: MatConvNet's, with the parameters that the golden logits were made with."""
    parameters = official_parameters(FOLDER)
    rows = np.zeros((1, len(parameters)), [("name", object), ("value", object)])
    for place, item in enumerate(parameters.items()):
        rows[0, place] = item
    path = tmp_path_factory.mktemp("official") / "net.mat"
    savemat(path, {"net": {"params": rows}})
    return path


@pytest.fixture
def imported(covpool, official):
    assert covpool("weights", "import", official, "--as", NAME, "-o", "net.safetensors").code == 0
    return "net.safetensors"


def test_show_lists_what_is_in_a_file_and_who_writes_so(covpool, official):
    said = covpool("weights", "show", official)
    assert said.code == 0
    assert "MATLAB 5 to 7, dagnn network, 83 arrays" in said.out
    assert "written as: matconvnet of gm_sop" in said.out
    assert "conv1_f" in said.out


def test_show_says_what_it_leaves_out_and_when_nobody_writes_so(covpool):
    torch.save({"state_dict": {"strange": torch.zeros(2, 3), "note": "hello"}}, "a.pth")
    said = covpool("weights", "show", "a.pth")
    assert "nothing that a published network knows" in said.out
    assert "2 x 3" in said.out
    assert "left out: note (a str)" in said.out


def test_of_a_run_its_best_weights_are_shown(covpool, trained):
    said = covpool("weights", "show", trained)
    assert said.code == 0
    assert "best.pt: PyTorch" in said.out


def test_an_imported_network_gives_the_logits_of_the_official_code(covpool, imported):
    said = covpool("weights", "verify", imported, "--golden", GOLDEN / "gm_sop" / FOLDER / "golden.npz")
    assert said.code == 0, said.out
    assert "the same network" in said.out


def test_other_logits_are_a_failure_with_the_error(covpool, imported):
    golden = dict(np.load(GOLDEN / "gm_sop" / FOLDER / "golden.npz"))
    np.savez("other.npz", **{**golden, "logits": golden["logits"] * 1.01})
    np.savez("fewer.npz", **{**golden, "logits": golden["logits"][:, :7]})
    said = covpool("weights", "verify", imported, "--golden", "other.npz")
    assert said.code == 1
    assert "relative error 9.90e-03" in said.out
    assert "not the same: tolerance 0.0001" in said.out
    assert covpool("weights", "verify", imported, "--golden", "other.npz", "--tolerance", 0.1).code == 0
    assert "relative error inf" in covpool("weights", "verify", imported, "--golden", "fewer.npz").out


def test_the_imported_file_says_where_it_comes_from(imported, official):
    with safe_open(imported, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
    assert about["weights"]["file"] == "net.mat"
    assert about["weights"]["md5"] == hashlib.md5(official.read_bytes()).hexdigest()
    assert about["weights"]["dialect"] == "matconvnet"
    assert about["preprocessing"]["image_size"] == 64


def test_what_is_exported_is_the_official_file_again(covpool, imported, official):
    said = covpool("weights", "export", imported, "--to", "matconvnet", "-o", "back.mat")
    assert said.code == 0, said.err
    before, after = read_arrays(official), read_arrays("back.mat")
    assert set(after) == set(before)
    for name in before:
        np.testing.assert_allclose(after[name], before[name], rtol=2e-6, atol=1e-7)


def test_a_folder_of_the_hub_is_evaluated_like_any_network(covpool, imported):
    assert covpool("weights", "export", imported, "--to", "hub", "-o", "hub").code == 0
    network, about = restore_network("hub")
    assert network.architecture["backbone"] == NAME
    assert about["weights"]["file"] == "net.mat"


def test_a_program_is_said_to_be_the_network(covpool, imported):
    said = covpool("weights", "export", imported, "--to", "program", "-o", "net.pt2")
    assert said.code == 0, said.err
    assert "its logits are those of the network within 1e-05" in said.err


def test_a_file_of_another_network_is_refused_with_both_lists(covpool, official):
    said = covpool("weights", "import", official, "--as", "gm_sop/resnet18-gm-sop", "-o", "x.safetensors")
    assert said.code == 1
    assert "do not fit the network" in said.err
    assert "without weights" in said.err


def test_a_damaged_file_is_one_sentence(covpool):
    with open("cut.mat", "wb") as file:
        file.write(b"MATLAB 5.0 MAT-file".ljust(126) + b"IM" + b"\x0f\0\0\0\xff\0\0\0")
    said = covpool("weights", "show", "cut.mat")
    assert said.code == 1
    assert said.err.startswith("error: cannot read cut.mat: 255 bytes were needed and 0 are left")


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        (["import", "a.pth"], ["needs --as NAME", "needs --output FILE"]),
        (["import", "a.pth", "--as", NAME, "-o", "x.pt"], ["end in .safetensors"]),
        (["verify", "a.safetensors"], ["needs --golden FILE"]),
        (["export", "a.safetensors", "-o", "x.pth"], ["needs --to FORM"]),
        (["show", "a.pth", "--to", "pytorch"], ["show takes no --to"]),
        (["show"], ["needs file"]),
        (["export", "a.safetensors", "--to", "onnx", "-o", "a.onnx", "--push", "a/b"], ["goes with --to hub"]),
        (["import", "a.pth", "--as", "gm_sop/resnet", "-o", "x.safetensors"], ["gm_sop/resnet18"]),
    ],
)
def test_all_mistakes_of_a_line_are_told(covpool, words, sentences):
    said = covpool("weights", *words)
    assert said.code == 2
    for sentence in sentences:
        assert sentence.lower() in said.err.lower()


def test_a_network_of_no_release_and_a_folder_of_the_hub_are_told_apart(covpool, trained, tmp_path):
    said = covpool("weights", "export", trained, "--to", "pytorch", "-o", "x.pth")
    assert said.code == 2
    assert "is no published network (its backbone is conv4)" in said.err
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "mine").touch()
    said = covpool("weights", "export", trained, "--to", "hub", "-o", "hub")
    assert (said.code, said.err) == (2, "error: --output hub exists and is not empty; name another folder\n")
    assert covpool("weights", "export", trained, "--to", "hub", "-o", "hub", "--force").code == 0
