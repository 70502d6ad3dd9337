"""The values of the published scripts."""

import pytest

from covpool.recipes import fast_mpncov, find_recipe

# batch, epochs, lr, milestones, classifier's factor; SGD 0.9 with decay 1e-4 on everything in all of them
SCRIPTS = {
    "resnet50": (160, 65, 0.1, (30, 45, 60), 1.0),  # train.sh
    "resnet50_warmup": (160, 85, 0.1, (35, 55, 75), 1.0),  # train.sh of the TensorFlow release
    "resnet50_finetune": (10, 100, 1.2e-3, (), 5.0),  # finetune.sh
    "resnet101_finetune": (8, 20, 1e-3, (), 5.0),  # finetune.sh of the TensorFlow release
    "vgg_d_finetune": (10, 40, 3e-3, (20,), 20.0),  # finetune_mpncovvggd16.sh
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_values_are_those_of_the_script(name):
    recipe = getattr(fast_mpncov, name)()
    optimizer, schedule = recipe.optimizer, recipe.schedule
    assert (
        recipe.loader.batch_size,
        schedule.epochs,
        optimizer.lr,
        schedule.milestones,
        optimizer.classifier_lr_multiplier,
    ) == SCRIPTS[name]
    assert (optimizer.name, optimizer.momentum, optimizer.weight_decay) == ("momentum", 0.9, 1e-4)
    assert optimizer.decay_norm_and_bias
    assert (str(recipe.network.pool), recipe.network.reduce_to, recipe.network.last_stride) == (
        "isqrt(steps=5)",
        256,
        1,
    )
    assert recipe.loss.options == {}


def test_pictures_go_through_the_protocols_of_the_release():
    for network in ("resnet50", "vgg-d"):
        for images in ("cub", "aircraft", "cars"):
            suffix = "" if images == "cub" else f"-{images}"
            transform = find_recipe(f"fast_mpncov/{network}-finetune{suffix}").transform
            assert (transform.image_size, str(transform.augment)) == (448, f"fast_mpncov-{images}")
    for images in ("cub", "aircraft", "cars"):
        suffix = "" if images == "aircraft" else f"-{images}"
        transform = find_recipe(f"fast_mpncov/resnet101-finetune{suffix}").transform
        assert (transform.image_size, str(transform.augment)) == (448, f"fast_mpncov-tensorflow-{images}")
    assert fast_mpncov.resnet50().transform.image_size == 224


def test_the_other_schedule_is_the_logspace_of_the_script():
    recipe = find_recipe("fast_mpncov/resnet50-log")
    rates = [recipe.optimizer.lr * recipe.schedule.gamma**epoch for epoch in range(recipe.schedule.epochs)]
    assert rates == pytest.approx([10 ** (-1.1 + (-5.0 + 1.1) * epoch / 64) for epoch in range(65)])


@pytest.mark.parametrize(("rival", "pool"), [("bcnn", "bilinear"), ("cbp", "cbp(width=8192)")])
def test_two_stages_keep_the_lr_that_the_restored_optimizer_has(rival, pool):
    recipe = find_recipe(f"fast_mpncov/vgg16-{rival}-two-stage")
    assert (recipe.loader.head_batch_size, recipe.loader.batch_size) == (40, 10)
    assert (recipe.schedule.head_epochs, recipe.schedule.epochs, recipe.schedule.kind) == (100, 200, "constant")
    assert recipe.optimizer.lr * recipe.optimizer.classifier_lr_multiplier == pytest.approx(1.0)
    assert (recipe.optimizer.weight_decay, recipe.optimizer.classifier_weight_decay) == (5e-4, 0)
    assert (recipe.network.backbone, str(recipe.network.pool), recipe.network.reduce_to) == ("vgg16", pool, None)


@pytest.mark.parametrize(
    ("name", "values"), [("cifar100", (110, 0.25, (80, 95))), ("cifar100-gavp", (140, 0.1, (90, 120)))]
)
def test_cifar_has_the_values_of_the_readme(name, values):
    recipe = find_recipe(f"fast_mpncov/{name}")
    assert (recipe.schedule.epochs, recipe.optimizer.lr, recipe.schedule.milestones) == values
    assert (recipe.loader.batch_size, recipe.optimizer.weight_decay) == (128, 1e-4)
