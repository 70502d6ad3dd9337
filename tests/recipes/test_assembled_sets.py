"""The values of the Assemble-ResNet scripts and tables for fine-tuning and for retrieval."""

import pytest

from covpool.recipes import find_recipe


@pytest.mark.parametrize(
    ("images", "epochs", "norms"),
    [("", 100, 0.034), ("-cars", 1000, 0.1), ("-flowers", 1000, 0.1), ("-aircraft", 800, 0.1), ("-pets", 1300, 0.1)],
)
def test_fine_tuning_has_the_values_of_its_script_and_table(images, epochs, norms):
    recipe = find_recipe(f"assembled/finetune{images}")
    assert (recipe.schedule.epochs, recipe.loader.batch_size) == (2 * epochs, 2 * 256)
    assert (recipe.optimizer.lr, recipe.optimizer.weight_decay) == (0.01, 1e-3)
    assert recipe.network.norm_momentum == pytest.approx(norms)
    assert recipe.schedule.keep_prob == (0.9, 0.7)
    assert recipe.transform.augment.options == {"policy": "good"}
    assert recipe.network.backbone_options == {}
    assert recipe.distillation is None


@pytest.mark.parametrize(
    ("images", "lr", "batch", "epochs"), [("sop", 0.008, 128, 60), ("cub", 0.001, 32, 100), ("cars", 0.01, 32, 100)]
)
def test_retrieval_has_the_values_of_its_tables(images, lr, batch, epochs):
    recipe = find_recipe(f"assembled/retrieval-{images}")
    assert (recipe.optimizer.lr, recipe.loader.batch_size, recipe.schedule.epochs) == (lr, batch, epochs)
    assert (recipe.optimizer.weight_decay, recipe.network.embedding, recipe.network.pool.name) == (
        5e-4,
        1536,
        "gem-fixed",
    )
    assert (str(recipe.loss), recipe.transform.augment.options) == (
        ("cross-entropy(smoothing=0.1)", {"policy": "imagenet"}) if images == "cars" else ("cross-entropy", {})
    )
