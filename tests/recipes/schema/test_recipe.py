"""A recipe goes through JSON and YAML unchanged."""

import json
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest

from covpool.recipes import (
    Choice,
    LoaderSpec,
    NetworkSpec,
    OptimizerSpec,
    Recipe,
    RecipeError,
    ScheduleSpec,
    TransformSpec,
)

FULL = Recipe(
    name="all/fields",
    data="photos",
    val="more",
    network=NetworkSpec(
        backbone="vit_small_patch16_224",
        pool=Choice("isqrt", steps=3),
        num_classes=7,
        pretrained=True,
        weights="photos.safetensors",
        reduce_to=None,
        last_stride=1,
        drop_rate=0.1,
        hidden=(64, 32),
        embedding=128,
        norm_momentum=0.03,
        techniques=(Choice("se", ratio=8), Choice("resnet-d")),
        batch_norm="frozen",
        grad_checkpointing=True,
        backbone_options={"img_size": 384, "window": [7, 7]},
    ),
    transform=TransformSpec(
        image_size=384,
        augment=Choice("crop", scale=(0.3, 1.0)),
        crop_pct=1.0,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        interpolation="bicubic",
    ),
    loader=LoaderSpec(batch_size=7, head_batch_size=14, workers=0, sampling="balanced", on_bad_image="skip"),
    optimizer=OptimizerSpec(
        name="lamb",
        lr=5e-5,
        weight_decay=0.0,
        momentum=0.8,
        classifier_lr_multiplier=5.0,
        layer_decay=0.75,
        decay_norm_and_bias=True,
        decay_bias=True,
        classifier_weight_decay=0.1,
        lr_multipliers={"backbone.*": 0.1},
        no_decay=("*.gate.*",),
        clip_grad_norm=1.0,
        accumulate=4,
    ),
    schedule=ScheduleSpec(
        kind="piecewise",
        epochs=9,
        steps=900,
        evaluate_every_steps=50,
        patience=4,
        warmup_epochs=0.5,
        warmup_from=0.1,
        warmup_covers=True,
        each="epoch",
        milestones=(3, 6),
        factors=(0.5, 0.1),
        gamma=0.2,
        power=2.0,
        final_lr_ratio=0.1,
        keep_prob=(1.0, 0.9),
        image_sizes=((0, 128), (5, 224)),
        head_epochs=2,
    ),
    loss=Choice("bce", threshold=0.2),
    auxiliary=Choice("balance", strength=10.0),
    mixing=Choice("mixup", alpha=0.3),
    distillation=Choice("stored-logits", temperature=2.0),
    ema=0.999,
    precision="16-mixed",
    loss_scale=128.0,
    seed=3,
    channels_last=True,
    checkpoint_every_steps=100,
    source="a test",
)


def leaves(recipe, default):
    """Pairs of values of the same field, dataclasses entered."""
    for f in fields(recipe):
        mine, theirs = getattr(recipe, f.name), getattr(default, f.name)
        if is_dataclass(mine):
            yield from leaves(mine, theirs)
        else:
            yield f.name, mine, theirs


def test_the_full_recipe_changes_every_field():
    same = [name for name, mine, theirs in leaves(FULL, Recipe()) if mine == theirs]
    assert same == ["curve_epochs", "freeze_backbone", "swa_epochs"]  # which exclude milestones, head_epochs and ema


@pytest.mark.parametrize("recipe", [Recipe(), FULL], ids=["default", "full"])
def test_yaml_and_json_give_the_same_recipe_back(recipe):
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert Recipe.from_yaml(json.dumps(recipe.to_dict())) == recipe
    assert recipe.check() is recipe


def test_what_is_left_out_keeps_its_default():
    assert Recipe.from_yaml("optimizer: {lr: 1e-4}") == replace(Recipe(), optimizer=OptimizerSpec(lr=1e-4))


def test_a_choice_may_be_given_as_text():
    assert NetworkSpec(pool="isqrt(steps=3)").pool == Choice("isqrt", steps=3)
    assert Recipe(loss="bce").loss == Choice("bce")


def test_a_recipe_is_frozen_and_takes_keywords_only():
    with pytest.raises(FrozenInstanceError):
        Recipe().seed = 1
    with pytest.raises(TypeError):
        NetworkSpec("resnet50")


def test_check_names_every_value_out_of_range():
    wrong = Recipe(optimizer=OptimizerSpec(lr=-1.0, accumulate=0), loader=LoaderSpec(batch_size=0), ema=1.0)
    with pytest.raises(RecipeError) as caught:
        wrong.check()
    assert [m.split()[0] for m in caught.value.mistakes] == [
        "loader.batch_size", "optimizer.lr", "optimizer.accumulate", "ema"
    ]  # fmt: skip
