"""The values of the published scripts."""

import pytest

from covpool.recipes import fast_mpncov

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


def test_fine_tuning_looks_at_448_pixels_and_imagenet_at_224():
    for name in ("resnet50_finetune", "resnet101_finetune", "vgg_d_finetune"):
        assert getattr(fast_mpncov, name)().transform.image_size == 448
    scratch = fast_mpncov.resnet50().transform
    assert (scratch.image_size, scratch.crop_pct) == (224, 224 / 256)
    assert fast_mpncov.resnet101_finetune().transform.crop_pct == 448 / 512
