"""The frozen study on pictures that only second-order statistics tell apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from covpool.data import ImageSet, Preprocessing, eval_transform, stratified_split
from covpool.models import StageFeatures
from covpool.pooling import create_pool
from covpool.recipes import Choice
from covpool.studies.features import StoredMaps
from covpool.studies.frozen import Features, Frozen, backbone_features, frozen_rows
from covpool.studies.rows import Plan, plan_rows
from studies.tiny import source


@pytest.fixture
def settings(tmp_path) -> Frozen:
    return Frozen(
        stages=["middle"],
        seeds=[0, 1],
        pretrained={"conv4": False},
        image_size=12,
        cache=tmp_path,
        device=torch.device("cpu"),
    )


def filled(settings: Frozen, *pools: str, listen=lambda event: None):
    torch.manual_seed(0)
    images = source()
    plans = plan_rows(["conv4"], settings.stages, [Choice.parse(pool) for pool in pools], controls=True)
    features = backbone_features("conv4", images, settings, listen)
    return {row.plan.id: row for row in frozen_rows(plans, images, features, settings, listen)}


def averages(images: ImageSet, preprocessing: Preprocessing) -> np.ndarray:
    """Pooled vectors one picture at a time, without the study."""
    torch.manual_seed(0)
    trunk, pool, transform = StageFeatures("conv4", ["middle"]), create_pool("avg", 24), eval_transform(preprocessing)
    return np.stack([pool(trunk(transform(images.read(i))[None])["middle"])[0].numpy() for i in range(len(images))])


def test_a_row_says_what_scikit_learn_says_with_the_choice_that_was_made(settings):
    row = filled(replace(settings, seeds=[0]), "avg")["conv4/middle/avg"]
    images = source()
    preprocessing = backbone_features("conv4", images, settings, lambda event: None).preprocessing
    train, test = averages(images.train, preprocessing), averages(images.val, preprocessing)
    penalty, fit = row.record["chosen"]["penalty"][0], stratified_split(images.train.labels, 0.2, 0)[0]
    root, mean = np.sqrt(train.std(0)), train.mean(0)
    scale = root * np.sqrt(train.std(0).sum())
    reference = LogisticRegression(C=1 / penalty / len(fit), max_iter=20000, tol=1e-6)
    reference.fit((train[fit] - mean) / scale, images.train.labels[fit])
    said = reference.predict((test - mean) / scale)
    assert (row.runs[0].predicted == said).mean() > 0.9  # both end their search a little before the minimum


def synthetic(count: int, seed: int) -> StoredMaps:
    """Maps of zero mean at every position, whose classes differ in the covariance of channels only."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(9).normal(size=(3, 6, 6))
    maps = np.einsum("ndc,nchw->ndhw", mixing[np.arange(count) % 3], rng.normal(size=(count, 6, 5, 5)))
    maps -= maps.mean((2, 3), keepdims=True)
    return StoredMaps({"middle": maps.astype(np.float32)}, np.arange(count))


def test_second_order_beats_the_average_and_its_control_where_only_it_can(settings):
    features = Features(Preprocessing(12, crop_pct=1.0), synthetic(60, 0), synthetic(30, 1))
    plans = plan_rows(["conv4"], ["middle"], [Choice("isqrt", reduce_to=5)], controls=True)
    rows = list(frozen_rows(plans, source(), features, settings, lambda event: None))
    average, pool, control = rows
    assert pool.correct.mean() > 0.9
    assert max(average.correct.mean(), control.correct.mean()) < 0.6
    assert pool.record["reduced_to"] == 5
    assert pool.record["out_features"] == control.record["out_features"] == 15
    assert pool.record["feature_map"] == [6, 5, 5]
    assert 1 < pool.record["effective_rank"] <= 5
    assert control.record["reduced_to"] is None


def test_rows_of_one_width_share_their_control(settings):
    rows = filled(settings, "isqrt(reduce_to=8)", "covariance(reduce_to=8)")
    first, second = (
        rows["conv4/middle/isqrt(reduce_to=8)+control"],
        rows["conv4/middle/covariance(reduce_to=8)+control"],
    )
    assert first.runs is second.runs
    assert second.plan.control_of == "conv4/middle/covariance(reduce_to=8)"


def test_costs_add_trunk_and_head(settings):
    rows = filled(settings, "isqrt(reduce_to=8)")
    average, pool, _ = (row.record["cost"] for row in rows.values())
    trunk = sum(p.numel() for p in StageFeatures("conv4", ["middle"]).parameters())
    assert average["parameters"] == trunk + 24 * 3 + 3
    assert pool["parameters"] == trunk + 24 * 8 + 36 * 3 + 3
    assert pool["flops"] > average["flops"]
    assert pool["backbone_ms_per_image"] == average["backbone_ms_per_image"]
    total = pool["backbone_ms_per_image"] + pool["pooling_ms_per_image"]
    assert pool["ms_per_image"] == pytest.approx(total)


def test_every_run_is_announced_and_reported(settings):
    events = []
    filled(settings, "isqrt(reduce_to=4)", listen=events.append)
    ended = [(event["row"], event["seed"]) for event in events if event["event"] == "row-end"]
    assert len(ended) == len(set(ended)) == 3 * 2
    assert events[-1]["event"] == "row-end"
    extracted = [event["done"] for event in events if event["event"] == "extract"]
    assert extracted == sorted(extracted)
    assert extracted[-1] == 90


def test_a_plan_without_second_order_has_no_rank(settings):
    row = filled(settings, "max")["conv4/middle/max"]
    assert row.record["effective_rank"] is None
    assert isinstance(row.plan, Plan)
