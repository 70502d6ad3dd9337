"""Fields and ranges, as they are written."""

import pytest

from covpool.recipes import Choice, Recipe, RecipeError
from covpool.studies.sweep import SweepError, read_space
from covpool.studies.sweep.space import Range, applied, kinds_of


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("optimizer.lr=1e-4..1e-2:log", Range("optimizer.lr", 1e-4, 1e-2, log=True)),
        ("optimizer.weight_decay=0..1", Range("optimizer.weight_decay", 0.0, 1.0)),
        ("schedule.warmup_epochs=0.5..2.5", Range("schedule.warmup_epochs", 0.5, 2.5)),
        ("schedule.epochs=5..20", Range("schedule.epochs", 5, 20, whole=True)),
        ("loader.batch_size=16..64:step=16", Range("loader.batch_size", 16, 64, step=16, whole=True)),
        ("network.reduce_to=32..256:log", Range("network.reduce_to", 32, 256, log=True, whole=True)),
        ("loss.smoothing=0..0.2:step=0.1", Range("loss.smoothing", 0, 0.2, step=0.1)),
    ],
)
def test_a_range_is_whole_where_its_field_is(word: str, expected: Range):
    assert read_space([word]) == [expected]


def test_values_are_read_as_a_recipe_reads_them():
    words = ["network.pool=avg,isqrt(steps=3, center=true),gem", "ema=none,0.999", "schedule.milestones=[3, 6],[2]"]
    pool, ema, milestones = read_space([*words])
    assert pool.corners() == ["avg", "isqrt(steps=3, center=true)", "gem"]
    assert ema.corners() == [None, 0.999]
    assert milestones.corners() == [[3, 6], [2]]
    recipe = applied(Recipe(), {"network.pool": pool.corners()[1], "ema": 0.999})
    assert recipe.network.pool == Choice("isqrt", steps=3, center=True)


def test_yaml_says_the_same_as_the_command_line():
    given = {"optimizer.lr": "1e-4..1e-2:log", "network.pool": ["avg", "isqrt(steps=3)"], "ema": [None, 0.5]}
    words = ["optimizer.lr=1e-4..1e-2:log", "network.pool=avg,isqrt(steps=3)", "ema=none,0.5"]
    assert [d.corners() for d in read_space(given)] == [d.corners() for d in read_space(words)]


def test_what_is_written_reads_back_the_same():
    words = ["optimizer.lr=1e-5..0.3:log", "loader.batch_size=16..64:step=16", "network.pool=avg,isqrt(steps=3)"]
    space = read_space(words)
    assert read_space([str(dimension) for dimension in space]) == space


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("optimizer.lrr=1..2", "optimizer has no field 'lrr'; it has name, lr"),
        ("lr=1..2", "a recipe has no field 'lr'"),
        ("optimizer=1..2", "is no single field"),
        ("optimizer.lr", "is written as optimizer.lr=1e-4..1e-2:log"),
        ("optimizer.lr=2..1", "needs a range such as"),
        ("optimizer.lr=0..1:log", "needs a range such as"),
        ("optimizer.lr=a..b", "needs a range such as"),
        ("optimizer.lr=1..2:lg", "needs a range such as"),
        ("loader.batch_size=1.5..2", "batch_size is a whole number"),
        ("network.pool=avg,,isqrt", "needs values between its commas"),
        ("network.pool=avg,avg", "has a value twice"),
        ("network.pool.steps.more=1..2", "is no single field"),
    ],
)
def test_a_mistake_is_a_sentence(word: str, says: str):
    with pytest.raises(SweepError, match=says):
        read_space([word])


def test_all_mistakes_are_told_together():
    with pytest.raises(SweepError) as caught:
        read_space(["lr=1..2", "ema=0.5..0.9", "ema=0.1", "network.pool=avg,isqrt", "network.pool.steps=2..5"])
    assert [m.split()[0] for m in caught.value.mistakes] == ["a", "ema", "network.pool.steps"]


def test_an_option_of_a_choice_that_is_none_asks_for_the_choice():
    with pytest.raises(RecipeError, match="set mixing first"):
        applied(Recipe(), {"mixing.alpha": 0.2})
    assert kinds_of("mixing.alpha") == set()


def test_a_grid_has_every_number_of_a_range():
    whole, real = read_space(["loader.batch_size=16..60:step=16", "loss.smoothing=0..0.3:step=0.1"])
    assert whole.grid() == [16, 32, 48]
    assert real.grid() == pytest.approx([0, 0.1, 0.2, 0.3])
