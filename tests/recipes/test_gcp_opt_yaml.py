"""The YAML files of the MindSpore releases, value by value."""

import inspect

import pytest

from covpool.recipes import find_recipe, recipes
from covpool.recipes.gcp_opt_yaml import YAMLS
from covpool.training.parts.schedule import lr_factor

# optimizer, images a step, lr, momentum, decay, epochs
FILES = {
    "resnet18": ("momentum", 4 * 64, 0.8, 0.9, 1e-4, 100),
    "resnet34": ("momentum", 4 * 64, 0.8, 0.9, 1e-4, 100),
    "resnet34-gpu": ("momentum", 4 * 64, 0.8, 0.9, 1e-4, 90),
    "resnet50": ("momentum", 4 * 64, 0.8, 0.9, 1e-4, 100),
    "resnet50-boost": ("lars", 256, 13.01, 0.85, 5e-5, 60),
    "resnet50-thor-ascend": ("momentum", 32, 0.05803, 0.9, 5e-4, 45),
    "resnet50-thor-gpu": ("momentum", 32, 0.05672, 0.9, 5e-4, 40),
    "resnet50-cifar10": ("momentum", 32, 0.1, 0.9, 1e-4, 90),
}


@pytest.mark.parametrize("name", YAMLS)
def test_a_file_has_its_values(name):
    recipe = find_recipe(f"gcp_opt/yaml-{name}")
    o = recipe.optimizer
    found = (o.name, recipe.loader.batch_size, o.lr, o.momentum, o.weight_decay, recipe.schedule.epochs)
    assert found == FILES[name]
    assert not o.decay_norm_and_bias
    assert recipe.loss.options["smoothing"] * (1 - 1 / (recipe.network.num_classes)) == pytest.approx(0.1)


def test_the_rates_are_those_of_the_files():
    boost, thor, plain = (
        find_recipe(f"gcp_opt/yaml-{n}").schedule for n in ("resnet50-boost", "resnet50-thor-gpu", "resnet50")
    )
    assert lr_factor(10 * 40, boost, 10) == pytest.approx((1 - 39 / 59) ** 2)
    assert lr_factor(10 * 39, thor, 10) == pytest.approx((1 - 39 / 50) ** 4.9687)
    assert [lr_factor(step, plain, 10) for step in (0, 10, 20)] == [0.0, 0.5, 1.0]
    assert lr_factor(10 * 51, plain, 10) == pytest.approx(0.5)


@pytest.mark.parametrize("name", [name for name in YAMLS if "thor" in name])
def test_what_stands_in_for_thor_is_said(name):
    assert "SGD with momentum stands in" in inspect.getdoc(recipes.get(f"gcp_opt/yaml-{name}"))
