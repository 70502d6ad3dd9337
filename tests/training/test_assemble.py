"""Names become objects, and every mistake is told at once."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from covpool.data import BadSource, ImageSource
from covpool.pooling import pools
from covpool.recipes import Choice, NetworkSpec, OptimizerSpec, Recipe, RecipeError, TransformSpec, find_recipe, recipes
from covpool.training.assemble import assemble
from covpool.training.mistakes import name_mistakes
from covpool.training.run import isolated_generators


@pytest.fixture(autouse=True)
def _leave_generators_alone():
    with isolated_generators():
        yield


def mistakes_of(recipe, images=None):
    with pytest.raises(RecipeError) as caught:
        assemble(recipe, images=images)
    return caught.value.mistakes


def test_the_parts_are_what_the_recipe_names(recipe, pictures):
    parts = assemble(recipe, images=pictures)
    assert parts.network.architecture["pool"] == "isqrt"
    assert parts.network.num_classes == 3
    assert parts.loss.label_smoothing == 0.1
    assert parts.preprocessing.image_size == 12
    assert len(parts.train_loader) == 11
    assert parts.about()["recipe"] == recipe.to_dict()


def test_one_seed_draws_the_same_weights_and_another_does_not(recipe, pictures):
    def weight(seed):
        return assemble(replace(recipe, seed=seed), images=pictures).network.head.classifier.weight

    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


def test_wrong_names_options_values_and_data_are_reported_together():
    recipe = Recipe(
        name="wrong",
        data="no-such-folder",
        network=NetworkSpec(backbone="resnet500000", pool=Choice("mpn-cov")),
        transform=TransformSpec(augment=Choice("crop", scal=(0.5, 1.0))),
        optimizer=OptimizerSpec(name="adamm", lr=-1.0),
        loss=Choice("cross-entropy", smooth=0.1),
    )
    mistakes = mistakes_of(recipe)
    fields = [
        "optimizer.lr",
        "network.backbone",
        "network.pool",
        "transform.augment",
        "loss",
        "optimizer.name",
        "data",
    ]
    assert [mistake.split()[0].rstrip(":") for mistake in mistakes] == fields
    text = "\n".join(mistakes)
    for hint in ("did you mean 'mpncov'", "did you mean 'scale'", "did you mean 'smoothing'", "'no-such-folder'"):
        assert hint in text


def test_values_that_only_the_objects_know_are_reported_together(recipe, pictures):
    wrong = replace(
        recipe,
        network=replace(recipe.network, backbone_options={"colour": 1}),
        loss=Choice("cross-entropy", smoothing=2.0),
    )
    mistakes = mistakes_of(wrong, pictures)
    assert [mistake.split(":")[0] for mistake in mistakes] == ["loss", "network"]


def test_data_is_needed():
    assert mistakes_of(Recipe()) == ["data: a folder, a .tar or the name of a known set is needed; none was given"]


def test_bad_pictures_alone_are_the_pictures_own_error():
    with pytest.raises(BadSource, match="no-such-folder"):
        assemble(Recipe(data="no-such-folder"))


def test_a_source_without_evaluation_pictures_and_too_few_outputs_are_refused(recipe, pictures):
    half = ImageSource("half", pictures.train, None, None, pictures.classes, "")
    few = replace(recipe, network=replace(recipe.network, num_classes=2))
    assert mistakes_of(few, half) == [
        "data: half has no val pictures, which training needs",
        "network.num_classes needs at least the 3 classes of half; got 2",
    ]


def test_more_outputs_than_classes_are_allowed(recipe, pictures):
    wide = replace(recipe, network=replace(recipe.network, num_classes=7))
    assert assemble(wide, images=pictures).network.num_classes == 7


def test_a_pool_of_ones_own_can_be_named(recipe, pictures):
    from covpool.pooling import create_pool

    own = replace(recipe, network=replace(recipe.network, pool=Choice("gem", p=4.0)))
    pool = assemble(own, images=pictures).network.head.pool
    assert isinstance(pool, nn.Module)
    assert pool.out_features == create_pool("gem", 96).out_features


@pytest.mark.parametrize("name", recipes)
def test_a_listed_recipe_names_only_what_exists(name):
    assert name_mistakes(find_recipe(name)) == []


def trainable(recipe):
    """Without weights that would be fetched, and without what training cannot do yet."""
    return replace(
        recipe,
        network=replace(recipe.network, pretrained=False),
        loader=replace(recipe.loader, head_batch_size=None, workers=0),
        distillation=None,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", recipes)
def test_a_listed_recipe_assembles_with_the_pool_that_it_names(name, pictures):
    recipe = trainable(find_recipe(name))
    parts = assemble(recipe, images=pictures)
    assert parts.network.architecture["pool"] == pools.resolve(recipe.network.pool.name)
    assert parts.network.num_classes == (recipe.network.num_classes or 3)
    assert (parts.auxiliary is None) == (recipe.auxiliary is None)


def test_a_teacher_whose_logits_the_pictures_lack_is_missed_by_name(pictures):
    (said,) = mistakes_of(find_recipe("assembled/assemble"), pictures)
    assert said.startswith("distillation: stored-logits needs pictures with a teacher's logits")


def test_batch_norms_take_the_momentum_of_the_recipe(recipe, pictures):
    network = assemble(replace(recipe, network=replace(recipe.network, norm_momentum=0.3)), images=pictures).network
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert {norm.momentum for norm in norms} == {0.3}


def test_the_classifier_has_the_hidden_layers_of_the_recipe(recipe, pictures):
    network = assemble(replace(recipe, network=replace(recipe.network, hidden=(9, 8))), images=pictures).network
    widths = [module.out_features for module in network.head.classifier.modules() if isinstance(module, nn.Linear)]
    assert widths == [9, 8, 3]


def test_a_dropblock_schedule_needs_dropblock_and_a_balance_loss_a_gate(recipe, pictures):
    kept = replace(recipe, schedule=replace(recipe.schedule, keep_prob=(1.0, 0.9)))
    assert "needs a backbone with DropBlock" in mistakes_of(kept, pictures)[0]
    (said,) = mistakes_of(replace(recipe, auxiliary=Choice("balance")), pictures)
    assert said.startswith("auxiliary: ")
    assert "head.pool.gate" in said


def test_mixtures_and_auxiliary_losses_are_looked_up(recipe, pictures):
    wrong = replace(recipe, mixing=Choice("mixap"), auxiliary=Choice("balance", strenght=1.0))
    auxiliary, mixing = mistakes_of(wrong, pictures)
    assert "did you mean 'strength'" in auxiliary
    assert mixing.startswith("mixing: ")


def test_a_protocol_decides_about_training_and_evaluation(recipe, pictures):
    augment = Choice("assembled-imagenet_224_256", policy="imagenet")
    spec = replace(recipe.transform, augment=augment, crop_pct=None, interpolation=None, image_size=16)
    parts = assemble(replace(recipe, transform=spec), images=pictures)
    assert parts.about()["preprocessing"]["protocol"] == "assembled-imagenet_224_256"
    assert next(parts.train_loader.epoch(0)).images.shape[-2:] == (14, 14)
    assert next(parts.val_loader.epoch(0)).images.shape[-2:] == (16, 16)
    said = mistakes_of(replace(recipe, transform=replace(spec, crop_pct=0.9)), images=pictures)
    assert said == [
        "transform: protocol 'assembled-imagenet_224_256' brings its own crop_pct; leave them out",
    ]
