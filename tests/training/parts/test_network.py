import pytest
import torch

from covpool.models import restore_network, save_network
from covpool.models.architectures.assembled import DropBlock
from covpool.recipes import Choice, NetworkSpec, Recipe, ScheduleSpec
from covpool.training.parts.network import build_network


def recipe(keep_prob=None, **network):
    spec = NetworkSpec(**{"backbone": "test_resnet", "pool": "avg", **network})
    return Recipe(data="digits", network=spec, schedule=ScheduleSpec(keep_prob=keep_prob))


def test_the_techniques_of_a_recipe_are_in_the_network_and_in_its_file(tmp_path):
    spec = [Choice("se", ratio=8), Choice("anti-alias", places=("sconv", "max")), Choice("drop-block")]
    network = build_network(recipe(techniques=spec, keep_prob=(1.0, 0.9)), 3).eval()
    assert [each["name"] for each in network.architecture["techniques"]] == ["se", "anti-alias", "drop-block"]
    again, _ = restore_network(save_network(network, tmp_path / "network.safetensors"))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(again(x), network(x))


def test_a_schedule_of_drop_block_needs_one():
    with pytest.raises(ValueError, match="put drop-block among"):
        build_network(recipe(keep_prob=(1.0, 0.9)), 3)
    network = build_network(recipe(keep_prob=(1.0, 0.9), techniques=["drop-block"]), 3)
    network.set_keep_prob(0.5)
    assert {part.keep_prob for part in network.modules() if isinstance(part, DropBlock)} == {0.5}


def test_modes_that_training_alone_knows_are_set():
    network = build_network(recipe(batch_norm="frozen", grad_checkpointing=True), 3)
    assert network.batch_norm == "frozen"
    assert network.backbone.grad_checkpointing
    assert "batch_norm" not in network.architecture


def test_a_backbone_that_a_setting_does_not_fit_is_named():
    with pytest.raises(ValueError, match="se needs residual blocks or stages"):
        build_network(recipe(backbone="test_vit", techniques=["se"]), 3)
    with pytest.raises(ValueError, match="batch_norm='frozen' needs a backbone with batch norms"):
        build_network(recipe(backbone="test_vit", batch_norm="frozen"), 3)
