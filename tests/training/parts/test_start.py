"""A network starts where another training ended; only a classifier of another shape starts anew."""

import logging
from dataclasses import replace

import pytest
import timm
import torch

from covpool.models import create_network, save_network
from covpool.recipes import Choice, RecipeError
from covpool.training.assemble import assemble
from covpool.training.fit import train
from covpool.training.parts.start import start_from


@pytest.fixture
def trained(tmp_path):
    torch.manual_seed(1)
    network = create_network("conv4", "isqrt", num_classes=3, reduce_to=8)
    return network, save_network(network, tmp_path / "trained.safetensors")


def same(one, other, names):
    return all(torch.equal(one[name], other[name]) for name in names)


def test_everything_is_taken_over_where_the_classes_are_as_many(trained):
    source, file = trained
    network = create_network("conv4", "isqrt", num_classes=3, reduce_to=8)
    assert start_from(network, file)
    assert same(network.state_dict(), source.state_dict(), source.state_dict())


def test_a_classifier_of_other_classes_starts_anew_and_is_said_once(trained, caplog):
    source, file = trained
    network = create_network("conv4", "isqrt", num_classes=5, reduce_to=8)
    own = {k: v.clone() for k, v in network.state_dict().items()}
    with caplog.at_level(logging.WARNING, "covpool"):
        assert not start_from(network, file)
    assert [r.message for r in caplog.records] == [
        f"{file}: its classifier has another shape; ours of 5 classes starts anew"
    ]
    last = ("head.classifier.weight", "head.classifier.bias")
    assert same(network.state_dict(), own, last)
    assert same(network.state_dict(), source.state_dict(), [n for n in own if n not in last])


def test_a_run_a_checkpoint_and_an_average_are_files_to_start_from(recipe, pictures, tmp_path):
    outcome = train(recipe, tmp_path / "run", images=pictures, device="cpu")
    for place in (tmp_path / "run", tmp_path / "run" / "last.pt"):
        started = assemble(replace(recipe, network=replace(recipe.network, weights=str(place))), images=pictures)
        names = [name for name in outcome.network.state_dict() if name.startswith("backbone.")]
        if place.suffix == ".pt":
            assert same(started.network.state_dict(), outcome.network.state_dict(), names)


def test_weights_of_another_network_are_refused_with_both_lists(trained, recipe, pictures):
    _, file = trained
    other = replace(recipe, network=replace(recipe.network, pool=Choice("avg"), weights=str(file)))
    with pytest.raises(RecipeError, match=r"network: .*head\.pool\.reduce"):
        assemble(other, images=pictures)


def test_a_file_that_is_absent_is_a_sentence(recipe, pictures):
    with pytest.raises(RecipeError, match=r"network: .*absent\.pth.*no such file"):
        assemble(replace(recipe, network=replace(recipe.network, weights="absent.pth")), images=pictures)


def test_a_state_dict_of_timm_fills_the_backbone(tmp_path, caplog):
    model = timm.create_model("test_resnet", num_classes=7)
    torch.save(model.state_dict(), tmp_path / "timm.pth")
    network = create_network("test_resnet", "avg", num_classes=3)
    with caplog.at_level(logging.WARNING, "covpool"):
        assert not start_from(network, tmp_path / "timm.pth")
    assert torch.equal(network.backbone.conv1[0].weight, model.conv1[0].weight)
    assert "the head starts anew" in caplog.text


def test_a_loss_of_rare_classes_sets_the_bias_of_a_fresh_classifier_only(trained, recipe, pictures):
    fresh = assemble(replace(recipe, loss=Choice("sigmoid")), images=pictures).network
    assert fresh.get_classifier().bias.tolist() == pytest.approx([-0.6931472] * 3)
    source, file = trained
    started = replace(recipe, loss=Choice("focal"), network=replace(recipe.network, weights=str(file)))
    found = assemble(started, images=pictures).network.get_classifier().bias
    assert torch.equal(found, source.get_classifier().bias)
