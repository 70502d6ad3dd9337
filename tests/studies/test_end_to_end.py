"""Rows that are trained: recipes, run folders, going on."""

from dataclasses import replace

import pytest
import torch

from covpool.recipes import Choice
from covpool.recipes.catalog import find_recipe
from covpool.studies.end_to_end import EndToEnd, default_recipe, row_recipe, trained_rows
from covpool.studies.rows import Plan, plan_rows
from studies.tiny import recipe, source

UNCHANGED = {"epochs": None, "image_size": None, "workers": None, "on_bad_image": "stop"}


def plan(pool: str, control: bool = False) -> Plan:
    control_of = f"conv4/{pool}" if control else None
    return Plan(backbone="conv4", stage=None, choice=Choice.parse(pool), control_of=control_of)


def test_second_order_rows_take_the_reduction_of_the_recipe_and_averages_none():
    given = recipe()
    assert row_recipe(plan("covariance"), given, 1).network.pool == Choice("covariance", reduce_to=6)
    assert row_recipe(plan("isqrt(reduce_to=4)"), given, 1).network.pool == Choice("isqrt", reduce_to=4)
    assert row_recipe(plan("avg"), given, 1).network.pool == Choice("avg")
    assert row_recipe(plan("avg"), given, 7).seed == 7
    control = row_recipe(plan("isqrt", control=True), given, 1, width=21)
    assert control.network.pool == Choice("avg-expand", width=21)


def test_a_reduction_named_for_the_network_never_reaches_averages():
    given = replace(recipe(), network=replace(recipe().network, pool=Choice("isqrt"), reduce_to=5))
    assert row_recipe(plan("avg"), given, 0).network.reduce_to == "auto"
    assert row_recipe(plan("covariance"), given, 0).network.pool == Choice("covariance", reduce_to=5)


def test_small_backbones_see_pictures_at_their_own_size():
    chosen = default_recipe("conv4", source(), None, pretrained=False, **UNCHANGED)
    assert chosen.transform.image_size == 12
    assert chosen.loader == find_recipe("small/conv4").loader


def test_backbones_of_timm_keep_their_stride_and_without_weights_learn_from_the_start():
    chosen = default_recipe("resnet18", source(), None, pretrained=False, **UNCHANGED)
    assert (chosen.network.backbone, chosen.network.last_stride, chosen.schedule.head_epochs) == ("resnet18", None, 0)
    tuned = default_recipe("resnet18", source(), None, pretrained=True, **UNCHANGED)
    assert tuned.schedule.head_epochs == find_recipe("finetune/modern").schedule.head_epochs


def test_changes_reach_the_recipe_and_keep_it_sound():
    changes = {"epochs": 1, "image_size": 16, "workers": 0, "on_bad_image": "skip"}
    chosen = default_recipe("resnet18", source(), None, pretrained=True, **changes).check()
    assert (chosen.schedule.epochs, chosen.schedule.head_epochs) == (1, 0)
    assert chosen.transform.image_size == 16
    assert (chosen.loader.workers, chosen.loader.on_bad_image) == (0, "skip")


def settings(out, seeds=(0,)) -> EndToEnd:
    return EndToEnd(recipes={"conv4": recipe()}, seeds=seeds, out=out, device=torch.device("cpu"))


def test_rows_are_trained_judged_and_taken_up_again_when_finished(tmp_path):
    plans = plan_rows(["conv4"], [None], [Choice("isqrt"), Choice("covariance")], controls=True)
    events = []
    rows = [row for row, _, _ in trained_rows(plans, source(), settings(tmp_path, (0, 1)), events.append)]
    average, pool, control, _, second_control = rows
    assert average.correct.shape == (2, 30)
    assert pool.record["out_features"] == control.record["out_features"] == 21
    assert pool.record["reduced_to"] == 6
    assert pool.record["curves"][1]["seed"] == 1
    assert len(pool.record["curves"][0]["eval_top1"]) == 2
    assert pool.record["cost"]["train_seconds"] > 0
    assert second_control.runs is control.runs
    assert sorted(path.parent.name for path in tmp_path.rglob("seed0")) == [
        "avg",
        "covariance",
        "isqrt",
        "isqrt+control",
    ]
    assert {event["seed"] for event in events if event["event"] == "epoch"} == {0, 1}
    again = []
    repeated = [row for row, _, _ in trained_rows(plans, source(), settings(tmp_path, (0, 1)), again.append)]
    assert [event["event"] for event in again if event["event"] not in ("row-start", "row-end")] == []
    assert all((a.correct == b.correct).all() for a, b in zip(rows, repeated, strict=True))


def test_an_interrupted_run_is_gone_on_with_and_ends_as_if_nothing_had_been(tmp_path):
    plans = plan_rows(["conv4"], [None], [], controls=True)
    whole = [row for row, _, _ in trained_rows(plans, source(), settings(tmp_path / "whole"), lambda event: None)]

    def interrupt(event) -> None:
        if event["event"] == "epoch":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(trained_rows(plans, source(), settings(tmp_path / "parts"), interrupt))
    parts = [row for row, _, _ in trained_rows(plans, source(), settings(tmp_path / "parts"), lambda event: None)]
    assert (parts[0].runs[0].confidence == whole[0].runs[0].confidence).all()


def test_a_finished_run_of_another_recipe_is_not_taken_for_this_one(tmp_path):
    plans = plan_rows(["conv4"], [None], [], controls=True)
    list(trained_rows(plans, source(), settings(tmp_path), lambda event: None))
    longer = replace(recipe(), schedule=replace(recipe().schedule, epochs=3))
    other = replace(settings(tmp_path), recipes={"conv4": longer})
    with pytest.raises(ValueError, match=r"another recipe \(schedule\)"):
        list(trained_rows(plans, source(), other, lambda event: None))
