"""The three causes that are told are the ones the evidence speaks for."""

from dataclasses import replace

import pytest

from covpool.training.doctor.causes import Evidence, likely_causes
from covpool.training.doctor.examine import Finding, stage_of

FORWARD = Finding(
    stage="normalize", direction="forward", module="head.pool.normalize", kind="MatrixPower", where="output"
)
PLAIN = Evidence(
    finding=FORWARD,
    value=float("nan"),
    precision="32-true",
    losses=[2.3, 2.2, 2.1],
    lr=0.1,
    peak_lr=0.1,
    clips=True,
    weight_max=1.0,
    picture_max=2.0,
)


def about(finding=FORWARD, **facts):
    return replace(PLAIN, finding=replace(finding, about=facts))


@pytest.mark.parametrize(
    ("evidence", "first"),
    [
        (replace(PLAIN, losses=[2.3, 2.2, 9.0]), "the loss rose from 2.2 to 9"),
        (replace(PLAIN, weight_max=1e6), "weights have grown to 1e+06"),
        (replace(PLAIN, precision="16-mixed"), "an overflow of float16"),
        (replace(PLAIN, picture_max=2e5), "pictures with numbers as large as 2e+05"),
        (about(trace_min=0.0, filled_min=0.0, channels=8, min=0.0, max=1.0), "a picture whose map does not vary"),
        (about(trace_min=1e20, filled_min=1.0, channels=8), "features that have grown"),
        (about(min=-1e30, max=1e30), "an overflow: head.pool.normalize was given numbers as large as 1e+30"),
        (
            about(
                replace(FORWARD, direction="backward", where="gradient"), trace_min=1.0, filled_min=0.25, channels=64
            ),
            "a covariance of 64 channels that fills 25% of its directions",
        ),
        (
            replace(
                PLAIN, finding=Finding(stage="loss", direction="forward", kind="Own", about={"largest_logit": 99.0})
            ),
            "logits as large as 99",
        ),
        (replace(PLAIN, finding=Finding(stage="unknown", direction="forward")), "something that is not the same twice"),
        (
            replace(PLAIN, precision="16-mixed", finding=Finding(stage="unknown", direction="forward")),
            "a loss scale under which all gradients of late overflowed",
        ),
        (about(min=-0.5, max=1.0, zeros=0.0), "a logarithm or a root of a negative number"),
    ],
)
def test_the_likeliest_cause_comes_first_and_three_are_told(evidence, first):
    causes = likely_causes(evidence)
    assert first in causes[0]
    assert len(set(causes)) == 3


def test_every_stage_has_three_causes():
    for stage in ("input", "backbone", "reduce", "classifier", "loss", "unknown", "pool"):
        for where in ("output", "gradient", "arrival", "arithmetic"):
            finding = Finding(stage=stage, direction="backward", where=where, about={"images": [0]})
            assert len(likely_causes(replace(PLAIN, finding=finding))) == 3


def test_the_stage_is_read_from_the_name():
    names = (
        "backbone.layer1.0.conv1",
        "head.pool",
        "head.pool.pool.describe",
        "head.pool.gate.features.0",
        "head.drop",
    )
    assert [stage_of(name) for name in names] == ["backbone", "pool", "describe", "gate", "drop"]
