"""The values of the 3G-Net scripts."""

import pytest

from covpool.recipes import find_recipe

# epochs and the rate of each, from Train-ImageNet.py:314 and Train-Places365.py:314
IMAGENET = [0.1 * 0.1 ** (epoch // 30) for epoch in range(115)]
PLACES = [0.1] * 31 + [0.01] * 10 + [1e-3] * 5 + [1e-4] * 5 + [1e-5] * 4


@pytest.mark.parametrize("depth", [50, 101])
@pytest.mark.parametrize(("ending", "rates"), [("", IMAGENET), ("-places365", PLACES)])
def test_values_are_those_of_the_script(depth, ending, rates):
    recipe = find_recipe(f"threeg/resnet{depth}{ending}")
    optimizer, schedule = recipe.optimizer, recipe.schedule
    assert recipe.network.backbone == recipe.name
    assert (recipe.loader.batch_size, schedule.kind, schedule.epochs) == (256, "step", len(rates))
    assert (optimizer.name, optimizer.momentum, optimizer.weight_decay) == ("momentum", 0.9, 1e-4)
    assert optimizer.decay_norm_and_bias
    mine = [0.1 * schedule.gamma ** sum(m <= epoch for m in schedule.milestones) for epoch in range(len(rates))]
    assert mine == pytest.approx(rates)
    assert recipe.loss.options == {}
