import json

import pytest
import torch
from safetensors.torch import save_file

from covpool.models import create_network, restore_network, save_network

ABOUT = {"classes": ["cat", "dog"], "preprocessing": {"image_size": 28}, "version": "0"}


@pytest.fixture
def network():
    return create_network("conv4", "covariance", num_classes=2).eval()


def checkpoint(network, **changes):
    content = {
        "format": "covpool-checkpoint/1",
        "architecture": network.architecture,
        "network": network.state_dict(),
        "ema": None,
        "about": ABOUT,
        "progress": {"epoch": 3},
    }
    return {**content, **changes}


def same(network, again):
    x = torch.randn(2, 3, 28, 28)
    return torch.equal(network(x), again(x))


def test_a_run_folder_gives_its_best_network(network, tmp_path):
    torch.save(checkpoint(network), tmp_path / "best.pt")
    again, about = restore_network(tmp_path)
    assert same(network, again)
    assert about == ABOUT
    assert not again.training


def test_averaged_weights_are_taken_where_there_are_some(network, tmp_path):
    averaged = create_network("conv4", "covariance", num_classes=2).eval()
    torch.save(checkpoint(network, ema=averaged.state_dict()), tmp_path / "best.pt")
    assert same(averaged, restore_network(tmp_path / "best.pt")[0])


def test_a_saved_network_comes_back_with_what_was_said_about_it(network, tmp_path):
    path = save_network(network, tmp_path / "network.safetensors", ABOUT)
    again, about = restore_network(str(path))
    assert same(network, again)
    assert about == ABOUT
    assert again.architecture == network.architecture


def test_a_network_is_saved_as_safetensors_only(network, tmp_path):
    with pytest.raises(ValueError, match=r"saved to a \.safetensors file; got 'network\.pt'"):
        save_network(network, tmp_path / "network.pt")


def test_a_folder_without_a_best_checkpoint_says_what_is_there(network, tmp_path):
    torch.save(checkpoint(network), tmp_path / "last.pt")
    with pytest.raises(ValueError, match=r"no best.pt in .* \(last.pt there\)"):
        restore_network(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("other.pt", {"state_dict": {}}, "is no checkpoint of covpool .*got None"),
        ("newer.pt", {"format": "covpool-checkpoint/9"}, "got 'covpool-checkpoint/9'"),
        ("list.pt", [1, 2], "is no checkpoint of covpool"),
    ],
)
def test_files_of_others_are_refused_with_advice(name, content, sentence, tmp_path):
    torch.save(content, tmp_path / name)
    with pytest.raises(ValueError, match=sentence):
        restore_network(tmp_path / name)


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "text.safetensors").write_text("hello")
    save_file({"a": torch.zeros(1)}, tmp_path / "plain.safetensors")
    for name in ("text.pt", "text.safetensors", "plain.safetensors", "absent.pt"):
        with pytest.raises(ValueError, match=name):
            restore_network(tmp_path / name)


def test_code_in_a_checkpoint_is_not_run(network, tmp_path):
    torch.save(checkpoint(network, about={"classes": network}), tmp_path / "best.pt")
    with pytest.raises(ValueError, match="cannot be read as a PyTorch file"):
        restore_network(tmp_path)


def test_weights_of_another_architecture_are_refused_with_the_file(network, tmp_path):
    other = json.loads(json.dumps(network.architecture)) | {"num_classes": 5}
    torch.save(checkpoint(network, architecture=other), tmp_path / "best.pt")
    with pytest.raises(ValueError, match=r"best.pt: the weights do not fit.*head.classifier.weight needs \(5, 4656\)"):
        restore_network(tmp_path)
