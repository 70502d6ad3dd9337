import json

import pytest
import timm
import torch

import covpool.timm  # noqa: F401  (registers our networks)
from covpool.models import create_network, push_to_hub, restore_network, save_pretrained
from covpool.models.hub import model_card


@pytest.fixture
def network():
    torch.manual_seed(0)
    return create_network("conv4", "covariance", num_classes=3, reduce_to=4).eval()


@pytest.fixture
def images():
    return torch.rand(2, 3, 28, 28, generator=torch.Generator().manual_seed(1))


def test_a_folder_of_the_hub_comes_back_as_the_same_network(network, images, tmp_path):
    about = {"classes": ["a", "b", "c"], "preprocessing": {"image_size": 28}}
    folder = save_pretrained(network, tmp_path / "out" / "net", about=about)
    assert sorted(file.name for file in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    restored, said = restore_network(folder)
    assert said == about
    assert torch.equal(restored(images), network(images))


def test_timm_builds_the_network_from_the_folder(network, images, tmp_path):
    folder = save_pretrained(network, tmp_path)
    built = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    assert torch.equal(built(images), network(images))


def test_the_configuration_names_what_timm_needs(network, tmp_path):
    config = json.loads((save_pretrained(network, tmp_path) / "config.json").read_text())
    assert config["architecture"] == "covpool_network"
    assert config["num_classes"] == 3
    assert config["model_args"]["pool"] == "covariance"


def test_the_card_says_what_is_known_and_what_is_not(network):
    card = model_card(network, {})
    assert "| classes | 3 |" in card
    assert "The recipe is not stated." in card
    assert "Nothing was measured for this card." in card
    told = model_card(network, {"recipe": {"seed": 7}, "preprocessing": {"mean": [0.5, 0.5]}}, {"top-1 (%)": 91.5})
    assert '"seed": 7' in told
    assert "| mean | 0.5, 0.5 |" in told
    assert "| top-1 (%) | 91.5 |" in told


def test_the_card_of_a_published_network_cites_its_source():
    with torch.device("meta"):
        network = create_network("gm_sop/resnet18-sr-sop")
    card = model_card(network, {"weights": {"file": "a.mat", "md5": "0123"}})
    assert "Imported from a.mat (md5 0123)" in card
    assert "| source |" in card


def test_a_repository_without_an_owner_is_refused(network):
    with pytest.raises(ValueError, match="written owner/name; got 'net'"):
        push_to_hub(network, "net")


def test_a_hub_that_does_not_answer_is_one_sentence(network, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match="'owner/net' was not uploaded: "):
        push_to_hub(network, "owner/net", token="hf_none")
