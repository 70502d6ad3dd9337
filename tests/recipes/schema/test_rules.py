"""Each range is told with its field."""

import pytest

from covpool.recipes import LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, ScheduleSpec, TransformSpec
from covpool.recipes.schema.rules import value_mistakes


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        (Recipe(network=NetworkSpec(last_stride=2)), "network.last_stride needs 1, or none"),
        (Recipe(network=NetworkSpec(reduce_to=0)), "network.reduce_to needs at least 1"),
        (Recipe(network=NetworkSpec(drop_rate=1.0)), "network.drop_rate needs a number from 0 up to"),
        (Recipe(transform=TransformSpec(crop_pct=1.5)), "transform.crop_pct needs a number above 0 and up to 1"),
        (Recipe(transform=TransformSpec(std=(1.0, 0.0, 1.0))), "transform.std needs numbers above 0"),
        (Recipe(optimizer=OptimizerSpec(lr=float("nan"))), "optimizer.lr needs a number above 0"),
        (Recipe(optimizer=OptimizerSpec(layer_decay=0.0)), "optimizer.layer_decay needs a number above 0"),
        (Recipe(schedule=ScheduleSpec(kind="step")), "schedule.kind 'step' needs schedule.milestones"),
        (Recipe(schedule=ScheduleSpec(milestones=(3,))), "schedule.milestones belongs to the kinds 'step'"),
        (Recipe(schedule=ScheduleSpec(kind="step", milestones=(5, 3))), "schedule.milestones needs rising epochs"),
        (Recipe(schedule=ScheduleSpec(epochs=3, head_epochs=3)), "schedule.head_epochs needs fewer than the 3"),
        (Recipe(schedule=ScheduleSpec(epochs=3, warmup_epochs=4)), "schedule.warmup_epochs needs at most all 3"),
        (Recipe(schedule=ScheduleSpec(head_epochs=1, freeze_backbone=True)), "schedule.freeze_backbone keeps"),
        (
            Recipe(schedule=ScheduleSpec(kind="piecewise", milestones=(3, 5), factors=(0.1,))),
            "schedule.factors needs 2",
        ),
        (Recipe(schedule=ScheduleSpec(factors=(0.1,))), "schedule.factors needs 0"),
        (Recipe(schedule=ScheduleSpec(kind="constant", curve_epochs=3)), "schedule.curve_epochs belongs to"),
        (Recipe(schedule=ScheduleSpec(power=0.0)), "schedule.power needs a number above 0"),
        (Recipe(schedule=ScheduleSpec(warmup_from=1.5)), "schedule.warmup_from needs a number from 0 to 1"),
        (Recipe(schedule=ScheduleSpec(keep_prob=(1.0, 0.0))), "schedule.keep_prob needs two numbers above 0"),
        (Recipe(loader=LoaderSpec(head_batch_size=4)), "loader.head_batch_size needs schedule.head_epochs"),
        (Recipe(network=NetworkSpec(hidden=(0,))), "network.hidden needs lengths of at least 1"),
        (Recipe(network=NetworkSpec(norm_momentum=0.0)), "network.norm_momentum needs a number above 0"),
        (Recipe(optimizer=OptimizerSpec(classifier_weight_decay=-1.0)), "optimizer.classifier_weight_decay needs"),
        (Recipe(checkpoint_every_steps=0), "checkpoint_every_steps needs at least 1"),
    ],
)
def test_a_value_out_of_its_range_is_one_sentence(recipe, sentence):
    (mistake,) = value_mistakes(recipe)
    assert mistake.startswith(sentence)


def test_the_default_recipe_is_in_range():
    assert value_mistakes(Recipe()) == []
