"""The values of the GM-SOP init scripts."""

import pytest

from covpool.recipes import find_recipe

# base factor, epochs at each power of ten, batch; meta of the init scripts
SCRIPTS = {
    "resnet18": (0.075, (50, 15, 10), 256),
    "resnet18-sr-sop": (0.15, (40, 10, 5, 5), 256),
    "resnet18-gm-gap": (0.075, (50, 15, 10), 256),
    "resnet18-gm-sop": (0.1, (40, 10, 5, 5), 256),
    "wrn36-gm-gap": (0.1, (20, 10, 10), 150),
    "wrn36-gm-sop": (0.09, (20, 10, 5, 5), 150),
}


@pytest.mark.parametrize("network", SCRIPTS)
def test_values_are_those_of_the_script(network):
    recipe, (lr, lengths, batch) = find_recipe(f"gm_sop/{network}"), SCRIPTS[network]
    rates = [lr * 0.1**power for power, length in enumerate(lengths) for _ in range(length)]
    schedule, optimizer = recipe.schedule, recipe.optimizer
    mine = [optimizer.lr * 0.1 ** sum(m <= e for m in schedule.milestones) for e in range(schedule.epochs)]
    assert mine == pytest.approx(rates)
    assert recipe.loader.batch_size == batch
    assert (optimizer.name, optimizer.momentum, optimizer.weight_decay) == ("momentum", 0.9, 1e-4)
    assert optimizer.decay_norm_and_bias
    assert optimizer.no_decay == ("backbone.conv1.weight",)
    assert recipe.network.norm_momentum == 0.3
    assert str(recipe.auxiliary) == ("balance(strength=100.0)" if "-gm-" in network else "None")
