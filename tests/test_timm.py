import subprocess
import sys

import pytest
import timm
import timm.data
import torch
from timm.models import load_state_dict
from timm.models._hub import save_for_hf
from timm.optim import param_groups_layer_decay

import covpool.timm
from covpool.models import create_network, named_networks


def test_every_named_network_is_listed_by_timm():
    assert set(named_networks) <= set(timm.list_models())
    assert "resnet50_isqrt" in timm.list_models("*isqrt*")
    assert len(named_networks) >= 20


def test_a_named_network_is_built_with_its_row_of_the_table():
    network = timm.create_model("resnet18_isqrt", num_classes=10)
    assert network.forward_features(torch.zeros(1, 3, 64, 64)).shape == (1, 512, 4, 4)
    assert network.head_hidden_size == 256 * 257 // 2
    assert network.get_classifier().out_features == 10
    assert network.pretrained_cfg["architecture"] == "resnet18_isqrt"


def test_preprocessing_is_that_of_the_backbone():
    network = timm.create_model("covpool_network", backbone="test_vit", num_classes=2)
    config = timm.data.resolve_model_data_config(network)
    assert config["input_size"] == (3, 160, 160)
    assert config["mean"] == (0.5, 0.5, 0.5)
    assert network.pretrained_cfg["first_conv"] == "backbone.patch_embed.proj"
    assert network.pretrained_cfg["classifier"] == "head.classifier"


def test_layer_decay_gives_resnet18_a_scale_for_stem_each_block_and_head():
    network = timm.create_model("resnet18_isqrt", num_classes=10)
    groups = param_groups_layer_decay(network, layer_decay=0.5)
    scales = sorted({group["lr_scale"] for group in groups})
    assert scales == [0.5**power for power in range(9, -1, -1)]
    head = {id(p) for p in network.head.parameters()}
    assert {id(p) for group in groups if group["lr_scale"] == 1 for p in group["params"]} == head


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("resnet18_isqrt", {"num_classes": 5}, (3, 64, 64)),
        ("covpool_network", {"backbone": "test_vit", "pool": "covariance", "img_size": 96}, (3, 96, 96)),
        ("covpool_network", {"backbone": "conv4", "pool_options": {"steps": 3}, "in_chans": 1}, (1, 28, 28)),
    ],
)
def test_a_network_saved_for_the_hub_comes_back_from_its_folder(name, options, size, tmp_path):
    network = timm.create_model(name, **options).eval()
    save_for_hf(network, str(tmp_path), safe_serialization=True)
    again = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    x = torch.randn(2, *size)
    assert torch.equal(network(x), again(x))
    assert again.architecture["layout"] == network.architecture["layout"]


def test_a_network_of_create_network_is_saved_for_the_hub_as_the_parametric_entry(tmp_path):
    network = create_network("test_convnext", "bilinear", num_classes=3).eval()
    save_for_hf(network, str(tmp_path), safe_serialization=True)
    again = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    x = torch.randn(2, 3, 96, 96)
    assert torch.equal(network(x), again(x))


def test_weights_load_from_a_checkpoint_path(tmp_path):
    network = timm.create_model("covpool_network", backbone="conv4", num_classes=3)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "last.pth.tar")
    again = timm.create_model(
        "covpool_network", backbone="conv4", num_classes=3, checkpoint_path=tmp_path / "last.pth.tar"
    )
    stored = load_state_dict(str(tmp_path / "last.pth.tar"))
    assert all(torch.equal(stored[name], value) for name, value in again.state_dict().items())


def test_a_file_of_the_whole_network_loads_through_an_overlay(tmp_path):
    network = timm.create_model("covpool_network", backbone="conv4", num_classes=3)
    torch.save(network.state_dict(), tmp_path / "whole.pth")
    overlay = {"file": str(tmp_path / "whole.pth"), "num_classes": -1}
    again = timm.create_model(
        "covpool_network", backbone="conv4", num_classes=5, pretrained=True, pretrained_cfg_overlay=overlay
    )
    assert torch.equal(again.backbone.blocks[0].conv.weight, network.backbone.blocks[0].conv.weight)
    assert again.num_classes == 5


def test_arguments_of_timms_scripts_reach_the_backbone_and_the_head():
    network = timm.create_model(
        "covpool_network", backbone="test_resnet", num_classes=3, in_chans=1, drop_rate=0.3, drop_path_rate=0.1,
        drop_block_rate=None, global_pool=None, device="cpu", dtype=torch.float64,
    )  # fmt: skip
    assert network.head.drop.p == 0.3
    assert network.architecture["backbone_options"] == {"drop_path_rate": 0.1, "in_chans": 1}
    assert network(torch.zeros(2, 1, 96, 96, dtype=torch.float64)).dtype == torch.float64


def test_features_only_gives_the_maps_at_the_networks_own_stride():
    model = timm.create_model("resnet18_isqrt", features_only=True, out_indices=(2, 4))
    maps = model(torch.zeros(1, 3, 64, 64))
    assert [tuple(each.shape) for each in maps] == [(1, 128, 8, 8), (1, 512, 4, 4)]
    assert model.feature_info.reduction() == [8, 16]
    earlier = timm.create_model("resnet18_isqrt", features_only=True, out_indices=(2, 3))
    assert earlier.feature_info.reduction() == [8, 16]
    assert earlier(torch.zeros(1, 3, 64, 64))[-1].shape == (1, 256, 4, 4)


def test_weights_of_the_whole_network_are_refused_with_advice():
    with pytest.raises(ValueError, match="pretrained_backbone=True"):
        timm.create_model("resnet18_isqrt", pretrained=True)


def test_another_global_pool_is_refused():
    with pytest.raises(ValueError, match="pass pool="):
        timm.create_model("covpool_network", backbone="conv4", global_pool="max")


def test_a_script_runs_with_the_networks_registered_and_its_own_arguments(tmp_path):
    (tmp_path / "neighbour.py").write_text("NAME = 'resnet18_isqrt'\n")
    (tmp_path / "script.py").write_text(
        "import sys, timm, neighbour\n"
        "import covpool.timm\n"
        "assert __name__ == '__main__'\n"
        "print(sys.argv[1:], timm.is_model(neighbour.NAME))\n"
        "sys.exit(7)\n"
    )
    command = [sys.executable, "-m", "covpool.timm", str(tmp_path / "script.py"), "--model", "x", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path.parent, check=False)
    assert done.stdout.strip() == "['--model', 'x', '--help'] True"
    assert done.returncode == 7
    assert done.stderr == ""


def test_a_missing_script_is_one_sentence(capsys):
    with pytest.raises(SystemExit) as stop:
        covpool.timm.main(["absent.py"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "python -m covpool.timm: no script at absent.py; give the path of one, such as train.py of timm\n"
    )


def test_help_is_its_own(capsys):
    with pytest.raises(SystemExit) as stop:
        covpool.timm.main(["--help"])
    assert stop.value.code == 0
    assert "example: python -m covpool.timm train.py" in capsys.readouterr().out
