"""The modern recipes: what A1, A2 and A3 have in common, and where they differ."""

import pytest

from covpool.recipes import find_recipe

# epochs, lr, decay, RandAugment, mixup, smoothing, pixels; ResNet strikes back, table 2
PROCEDURES = {
    "a1": (600, 5e-3, 0.01, 7, 0.2, 0.1, 224),
    "a2": (300, 5e-3, 0.02, 7, 0.1, 0.0, 224),
    "a3": (100, 8e-3, 0.02, 6, 0.1, 0.0, 160),
}


@pytest.mark.parametrize("name", PROCEDURES)
def test_values_are_those_of_the_procedure(name):
    recipe = find_recipe(f"modern/{name}")
    magnitude = int(recipe.transform.augment.options["config"].split("-")[1][1:])
    assert (
        recipe.schedule.epochs,
        recipe.optimizer.lr,
        recipe.optimizer.weight_decay,
        magnitude,
        recipe.mixing.options["mixup"],
        recipe.loss.options.get("smoothing", 0.0),
        recipe.transform.image_size,
    ) == PROCEDURES[name]
    assert (recipe.optimizer.name, recipe.loader.batch_size, recipe.loss.name) == ("lamb", 2048, "bce")
    assert recipe.mixing.options["cutmix"] == 1.0
