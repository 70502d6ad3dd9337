"""A step's mixture is that of covpool.data, drawn from the recipe's seed and the step."""

from dataclasses import replace

import pytest
import torch

from covpool.data import Batch, mixings
from covpool.recipes import Choice, find_recipe
from covpool.training.fit import train
from covpool.training.parts.mixing import Mixer


@pytest.fixture
def batch():
    images = torch.arange(5 * 3 * 4 * 4, dtype=torch.float32).reshape(5, 3, 4, 4)
    return Batch(images, torch.tensor([0, 1, 2, 1, 0]), torch.arange(5))


@pytest.mark.parametrize("name", mixings)
def test_a_mixture_is_a_function_of_seed_and_step(name, recipe, batch):
    mixed = replace(recipe, mixing=Choice(name))
    again, other = Mixer(mixed, 3)(batch, 7, 0), Mixer(mixed, 3)(batch, 8, 0)
    first = Mixer(mixed, 3)(batch, 7, 0)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.targets, again.targets)
    assert not torch.equal(first.images, other.images)
    torch.testing.assert_close(first.targets.sum(dim=1), torch.ones(len(first.images)))


def test_mixup_by_halves_drops_the_odd_picture_and_leaves_one_alone(recipe, batch):
    mixer = Mixer(replace(recipe, mixing=Choice("mixup-type1")), 3)
    mixed = mixer(batch, 0, 0)
    assert mixed.images.shape == (2, 3, 4, 4)
    share = mixed.targets[0, 0].item()  # labels 0 and 2
    assert mixed.targets[0].tolist() == pytest.approx([share, 0, 1 - share])
    torch.testing.assert_close(mixed.images[0], share * batch.images[0] + (1 - share) * batch.images[2])
    one = mixer(Batch(*(part[:1] for part in batch)), 0, 0)
    assert torch.equal(one.images, batch.images[:1])
    assert one.targets.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("name", ["mixup-type1", "mixup-type2", "mixup-cutmix"])
def test_a_run_with_mixtures_repeats_its_numbers(name, recipe, pictures, tmp_path):
    mixed = replace(recipe, mixing=Choice(name), loss=Choice("bce", threshold=0.2))
    whole = train(mixed, tmp_path / "whole", images=pictures)
    again = train(mixed, tmp_path / "again", images=pictures)
    losses = [row["train_loss"] for row in whole.history]
    assert losses == [row["train_loss"] for row in again.history]
    plain = train(replace(mixed, mixing=None), tmp_path / "plain", images=pictures)
    assert losses != [row["train_loss"] for row in plain.history]


@pytest.mark.slow
def test_a_published_recipe_with_a_gate_trains_with_its_balance_loss(pictures, tmp_path):
    recipe = find_recipe("gm_sop/resnet18-gm-gap")
    small = replace(
        recipe,
        loader=replace(recipe.loader, batch_size=22, workers=0),
        schedule=replace(recipe.schedule, kind="constant", epochs=1, milestones=()),
    )
    with_balance = train(small, tmp_path / "with", images=pictures).history[0]["train_loss"]
    without = train(replace(small, auxiliary=None), tmp_path / "without", images=pictures).history[0]["train_loss"]
    assert with_balance > without
