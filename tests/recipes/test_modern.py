"""The modern recipes differ in their pool alone, and every pool they name is one."""

from dataclasses import replace

import pytest

from covpool.pooling import pools
from covpool.recipes import find_recipe
from covpool.recipes.modern import FIRST_ORDER, RECIPES, SECOND_ORDER


@pytest.mark.parametrize("name", FIRST_ORDER + SECOND_ORDER)
def test_a_recipe_of_another_pool_is_the_same_recipe(name):
    recipe, plain = find_recipe(f"modern/a2-{name}"), find_recipe("modern/a2")
    assert recipe.network.pool.name == name
    assert pools.get(name).order == (1 if name in FIRST_ORDER else 2)
    assert replace(recipe, name="", network=plain.network) == replace(plain, name="")
    stride, width = (None, None) if name in FIRST_ORDER else (1, "auto")
    assert (recipe.network.last_stride, recipe.network.reduce_to) == (stride, width)


def test_every_published_pool_has_one():
    published = {"avg", "gem", "max", "stats", "mpncov-eig", "covariance", "bilinear", "cbp", "threeg", "threeg-irls"}
    published |= {"avg-expand", "sr-sop", "gm-sop", "dropcov", "crosscov"}
    assert published <= {name.removeprefix("modern/a2-") for name in RECIPES}


def test_the_three_procedures_have_their_values():
    values = {
        name: (r.schedule.epochs, r.optimizer.lr, r.optimizer.weight_decay, r.transform.image_size, r.mixing.options)
        for name in ("a1", "a2", "a3")
        for r in [find_recipe(f"modern/{name}")]
    }
    mixed = {"mixup": 0.1, "cutmix": 1.0}
    assert values["a1"] == (600, 5e-3, 0.01, 224, {"mixup": 0.2, "cutmix": 1.0})
    assert values["a2"] == (300, 5e-3, 0.02, 224, mixed)
    assert values["a3"] == (100, 8e-3, 0.02, 160, mixed)
    assert all(find_recipe(f"modern/{n}").optimizer.name == "lamb" for n in ("a1", "a2", "a3"))
