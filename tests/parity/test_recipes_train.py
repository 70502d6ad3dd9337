"""The recipes of every stem, scaled down to a few pictures, take their steps: what they name exists and fits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from covpool.data import ImageSet, ImageSource
from covpool.recipes import find_recipe, recipes
from covpool.training.fit import train
from tiny_runs import records_of

CLASSES = ["round", "striped", "plain"]
# sides that the networks demand: DropBlock's squares of 7 need maps of 7, visual tokens a grid of 14
SIDES = {"assembled": 224, "gcp_opt/deit": 224, "gcp_opt/t2t": 224, "fast_mpncov/cifar": 32}
# the first of each stem that takes about a second
QUICK = (
    "fast_mpncov/cifar100-gavp",
    "threeg/resnet50",
    "gm_sop/resnet18-gm-sop",
    "gcp_opt/resnet18-mpncov",
    "assembled/vanilla",
    "small/conv4",
)


def pictures(side, count):
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    keys = [f"{i}.png" for i in range(count)]
    return ImageSet(CLASSES, np.arange(count) % 3, keys, lambda position: Image.fromarray(pixels[position]))


def source(side):
    train_set = pictures(side, 12)
    said = np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32)
    return ImageSource("few", train_set.with_teacher_logits(said), pictures(side, 3), None, CLASSES, "")


def side_of(name):
    if name in QUICK and name.startswith(("assembled", "threeg")):
        return 32
    return next((side for start, side in SIDES.items() if name.startswith(start)), 64)


def image_size(name):
    """None where a protocol of Assemble has its own: 224 in training, 224 or 256 in evaluation."""
    return 8 if name == "small/digits" else None if side_of(name) == SIDES["assembled"] else side_of(name)


def scaled_down(name, steps=2):
    recipe = find_recipe(name)
    return replace(
        recipe,
        network=replace(recipe.network, num_classes=None, pretrained=False),
        transform=replace(recipe.transform, image_size=image_size(name)),
        loader=replace(
            recipe.loader,
            batch_size=4,
            head_batch_size=None if recipe.loader.head_batch_size is None else 6,
            workers=0,
        ),
        schedule=replace(recipe.schedule, steps=steps),
    )


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in recipes]
)
def test_a_recipe_takes_its_steps(name, tmp_path):
    steps = 1 if name in QUICK else 2
    outcome = train(scaled_down(name, steps), tmp_path / "run", images=source(side_of(name)), device="cpu")
    assert outcome.history[-1]["step"] == steps
    assert np.isfinite(outcome.history[-1]["train_loss"])
    assert all(p.isfinite().all() for p in outcome.network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "assembled/assemble",  # mixing, what DropBlock keeps, stored logits, AutoAugment
        "assembled/e7",
        "fast_mpncov/vgg16-bcnn-two-stage",  # another batch size while the head learns
        "gcp_opt/deit-drop-tiny",  # mixup or CutMix, running average
        "gm_sop/resnet18-gm-sop",  # a gate with noise, balance loss
        "threeg/resnet50",
        "modern/a2",
    ],
)
def test_a_recipe_that_is_stopped_repeats_its_numbers(name, tmp_path):
    recipe = replace(scaled_down(name, steps=3), checkpoint_every_steps=1)
    if recipe.schedule.head_epochs:
        recipe = replace(recipe, schedule=replace(recipe.schedule, head_epochs=1))
    settings = {"images": source(side_of(name)), "device": "cpu", "log_every": 1}
    train(recipe, tmp_path / "straight", **settings)

    def stop(event):
        if event["event"] == "step" and event["step"] == 2:
            raise KeyboardInterrupt

    assert train(recipe, tmp_path / "run", listen=stop, **settings).interrupted
    torch.rand(5)
    train(None, tmp_path / "run", resume=True, **settings)
    assert records_of(tmp_path / "run") == records_of(tmp_path / "straight")
