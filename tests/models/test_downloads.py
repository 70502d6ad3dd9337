"""Weights of servers are asked for where that is allowed, and are what was published."""

import hashlib

import huggingface_hub.constants as hub
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from covpool.models.backbone import WeightsUnavailable, create_backbone
from covpool.models.downloads import WrongHash, check_files, checked

REPOSITORY = "timm/resnet18.a1_in1k"
REVISION = "0" * 40
ELSEWHERE = "legacy_seresnet18.in1k"  # at an address that has the first digits of the hash: -4bb0ce65.pth


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Caches of Hugging Face and torch with nothing in them, and no server to ask."""
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def put(cache, content):
    """The weights of resnet18 as the Hub's library keeps them: a link to a file named by its hash."""
    folder = cache / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    (folder / "blobs").mkdir(parents=True)
    blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
    blob.write_bytes(content)
    (folder / "snapshots" / REVISION).mkdir(parents=True)
    (folder / "snapshots" / REVISION / "model.safetensors").symlink_to(blob)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(REVISION)
    return blob


def weights(tmp_path, value):
    network = timm.create_model("resnet18")
    nn.init.constant_(network.bn1.weight, value)
    save_file(network.state_dict(), tmp_path / "made.safetensors")
    return (tmp_path / "made.safetensors").read_bytes()


def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path):
    good = tmp_path / hashlib.sha256(b"weights").hexdigest()
    good.write_bytes(b"weights")
    (tmp_path / "0123456789abcdef").write_bytes(b"a small file, by another hash")
    check_files(tmp_path)
    good.write_bytes(b"others")
    with pytest.raises(WrongHash, match=rf"{good.name} is not what was published.*remove it"):
        check_files(tmp_path)


def test_weights_of_the_hub_are_compared_with_their_hash_each_time(cache, tmp_path):
    blob = put(cache, weights(tmp_path, 3.0))
    assert (create_backbone("resnet18", {}, pretrained=True).bn1.weight == 3).all()
    blob.write_bytes(weights(tmp_path, 4.0))
    with pytest.raises(WeightsUnavailable, match="is not what was published"):
        create_backbone("resnet18", {}, pretrained=True)


def test_weights_of_other_servers_have_the_hash_in_their_names(cache):
    kept = cache / "torch" / "hub" / "checkpoints" / "seresnet18-4bb0ce65.pth"
    kept.parent.mkdir(parents=True)
    torch.save({}, kept)
    with pytest.raises(WeightsUnavailable, match=r"is not on this machine.*--download"):
        create_backbone(ELSEWHERE, {}, pretrained=True)
    timm.models.set_pretrained_check_hash(False)
    checked("conv4", nn.Identity)
    assert timm.models._builder._CHECK_HASH


def test_what_is_not_here_is_told_with_the_flag_that_fetches_it(cache):
    with pytest.raises(WeightsUnavailable, match=r"no pretrained weights for 'resnet18' .*allow the download \(--dow"):
        create_backbone("resnet18", {}, pretrained=True)
