"""What a plan refuses, and that it survives on the disk."""

import pytest

from covpool.studies.sweep import Plan, SweepError, read_space
from studies.tiny import recipe


def plan(*words: str, **settings) -> Plan:
    return Plan(recipe=recipe(), space=read_space(words or ("optimizer.lr=1e-3..1e-2:log",)), **settings)


def test_a_plan_comes_back_from_its_file(tmp_path):
    mine = plan("optimizer.lr=1e-3..1e-2:log", "network.pool=avg,isqrt(steps=2)", metric="loss", seed=3)
    mine.write(tmp_path)
    again = Plan.read(tmp_path)
    assert again.to_dict() == mine.to_dict()
    assert again.recipe == mine.recipe
    assert (again.direction, plan().direction) == ("minimize", "maximize")


def test_mistakes_of_every_corner_are_told_at_once():
    with pytest.raises(SweepError) as caught:
        plan("network.pool=avg,avgg", "optimizer.lr=1..2", "ema=0.5,2", "schedule.epochs=0..3", pruner="best").check()
    told = caught.value.mistakes
    assert len(told) == len(set(told)) == 4


def test_something_has_to_vary():
    with pytest.raises(SweepError, match="a field that varies"):
        plan("optimizer.lr=0.1").check()


def test_a_grid_needs_values_and_not_too_many():
    with pytest.raises(SweepError, match=r"optimizer\.lr has any number between"):
        plan(sampler="grid").check()
    with pytest.raises(SweepError, match="at most 10,000 trials"):
        plan("seed=0..20000", sampler="grid").check()
    points = plan("seed=0..2", "network.pool=avg,isqrt", sampler="grid").check().grid()
    assert sorted((p["network.pool"], p["seed"]) for p in points) == [
        (n, s) for n in ("avg", "isqrt") for s in range(3)
    ]


def test_a_folder_without_a_sweep_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"holds no sweep: sweep\.yaml is missing"):
        Plan.read(tmp_path)
    (tmp_path / "sweep.yaml").write_text("schema: other")
    with pytest.raises(ValueError, match="needs the schema"):
        Plan.read(tmp_path)
