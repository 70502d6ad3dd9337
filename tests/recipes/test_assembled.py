"""The values of the Assemble-ResNet scripts and of the rows of its ablation."""

import pytest

from covpool.recipes import find_recipe
from covpool.training.parts.schedule import lr_factor

# network, epochs of the release, smoothing, type of mixup, DropBlock, temperature of the teacher, policy, pixels it is
# judged at (table 7, and those of mixup, of temperatures and of the network's tweaks alone)
ROWS = {
    "e0": ("resnet50", 120, 0, 0, 0, 0, None, 224),
    "e1": ("resnet50-d", 120, 0, 0, 0, 0, None, 224),
    "e2": ("resnet50-d", 120, 1, 0, 0, 0, None, 224),
    "e3": ("resnet50-d", 200, 1, 1, 0, 0, None, 224),
    "e4": ("resnet50-d-se", 200, 1, 1, 0, 0, None, 224),
    "e5": ("resnet50-d-se", 270, 1, 1, 1, 0, None, 224),
    "e6": ("resnet50-d-sk", 270, 1, 1, 1, 0, None, 224),
    "e7": ("resnet50-d-sk", 270, 1, 1, 1, 1, None, 224),
    "e8": ("resnet50-d-sk", 600, 1, 1, 1, 1, None, 224),
    "e9": ("bl-resnet50-sk", 600, 1, 1, 1, 1, None, 256),
    "e10": ("assemble-resnet50", 600, 1, 1, 1, 1, None, 256),
    "e11": ("assemble-resnet50", 600, 1, 1, 1, 1, "imagenet", 256),
    "e12": ("assemble-resnet152", 600, 1, 1, 1, 1, "imagenet", 256),
    "e3-type2": ("resnet50-d", 200, 1, 2, 0, 0, None, 224),
    "e7-t1.5": ("resnet50-d-sk", 270, 1, 1, 1, 1.5, None, 224),
    "e7-t2": ("resnet50-d-sk", 270, 1, 1, 1, 2, None, 224),
    "tweaks-sk": ("resnet50-d-sk", 120, 0, 0, 0, 0, None, 224),
    "tweaks-bl": ("bl-resnet50-sk", 120, 0, 0, 0, 0, None, 256),
    "tweaks-aa": ("assemble-resnet50", 120, 0, 0, 0, 0, None, 256),
}


def switches(recipe):
    mixup = {"None": 0, "mixup-type1(alpha=0.2)": 1, "mixup-type2(alpha=0.2)": 2}[str(recipe.mixing)]
    reads = 2 if mixup == 1 else 1
    assert recipe.loader.batch_size == reads * 1024
    assert recipe.schedule.warmup_epochs == reads * 5.0
    protocol = recipe.transform.augment.name
    return (
        recipe.network.backbone.removeprefix("assembled/"),
        recipe.schedule.epochs // reads,
        int(recipe.loss.options.get("smoothing", 0) == 0.1),
        mixup,
        int(recipe.schedule.keep_prob == (1.0, 0.9)),
        recipe.distillation.options["temperature"] if recipe.distillation else 0,
        recipe.transform.augment.options.get("policy"),
        256 if "224_256" in protocol else 224,
    )


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_ablation_has_its_techniques(row):
    recipe = find_recipe(f"assembled/{row}")
    assert switches(recipe) == ROWS[row]
    optimizer = recipe.optimizer
    assert (optimizer.name, optimizer.lr, optimizer.momentum) == ("momentum", 0.4, 0.9)
    assert (optimizer.weight_decay, optimizer.decay_norm_and_bias, optimizer.decay_bias) == (1e-4, False, True)
    assert recipe.network.backbone_options == {"zero_gamma": True}
    assert recipe.network.num_classes == 1001


def test_the_scripts_are_rows_of_the_table():
    assert switches(find_recipe("assembled/vanilla")) == ROWS["e0"]
    assert switches(find_recipe("assembled/assemble")) == ROWS["e11"]


def test_the_learning_rate_is_the_one_of_the_release_at_each_step():
    schedule, per_epoch = find_recipe("assembled/vanilla").schedule, 1251  # 1281167 / 1024 = 1251.1, cut there
    said = {1000: 0.06394884, 6255: 0.4, 37534: 0.35514084, 75068: 0.21364699, 125113: 0.02911662}
    for step, rate in said.items():
        assert 0.4 * lr_factor(step, schedule, per_epoch) == pytest.approx(rate, abs=1e-4)
