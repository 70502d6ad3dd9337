"""Ten times too fast for thousands of steps: finite weights at the end or the doctor's word, never silence.

The backbone is a single convolution, as the pool is what is on trial. FAULT_STEPS takes fewer steps.
"""

import os
from contextlib import suppress

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from covpool.data import ImageSet, ImageSource
from covpool.models import restore_network
from covpool.models.backbone import own_backbones
from covpool.pooling import pools
from covpool.recipes import Choice, LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, ScheduleSpec, TransformSpec
from covpool.training import NonFiniteLoss, read_journal, train
from pooling_cases import NEEDED

STEPS = int(os.environ.get("FAULT_STEPS", "5000"))
SECOND_ORDER = [name for name in pools if pools.get(name).order == 2]


class OneConvolution(nn.Sequential):
    """(B, 3, 12, 12) -> (B, 16, 6, 6), with the manners of a timm model."""

    num_features = head_hidden_size = 16
    num_classes = 0
    pretrained_cfg = {"input_size": (3, 12, 12), "mean": (0.5,) * 3, "std": (0.5,) * 3, "crop_pct": 1.0}

    def __init__(self):
        super().__init__(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.default_cfg = self.pretrained_cfg

    def forward_features(self, x):
        return self(x)


own_backbones.register("one-convolution", OneConvolution)


@pytest.fixture(scope="module")
def noise():
    """Noise with a grey level a class, and now and then a picture of one colour."""
    generator = np.random.default_rng(0)
    labels = np.arange(4_000) % 4
    pixels = (
        generator.integers(0, 128, (4_000, 12, 12, 3), dtype=np.uint8)
        + (labels * 30).astype(np.uint8)[:, None, None, None]
    )
    pixels[::50] = 255
    keys = [f"{i}.png" for i in range(len(labels))]
    images = ImageSet(list("abcd"), labels, keys, lambda position: Image.fromarray(pixels[position]), "noise")
    return ImageSource("noise", images, images.subset(range(40)), None, images.classes, "noise")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("pool", SECOND_ORDER)
def test_a_run_that_learns_far_too_fast_ends_finite_or_with_a_word(noise, tmp_path, pool, precision):
    recipe = Recipe(
        network=NetworkSpec(backbone="one-convolution", pool=Choice(pool, **NEEDED.get(pool, {})), reduce_to=8),
        transform=TransformSpec(image_size=12, augment=Choice("none")),
        loader=LoaderSpec(batch_size=4, workers=0),
        optimizer=OptimizerSpec(name="momentum", lr=1.0, weight_decay=0.0),
        schedule=ScheduleSpec(steps=STEPS, kind="constant"),
        precision=precision,
    )
    run = tmp_path / "run"
    with suppress(NonFiniteLoss):
        train(recipe, run, images=noise, device="cpu")
    last = read_journal(run / "journal.jsonl")[-1]
    assert last["event"] in ("end", "failed")
    if last["event"] == "failed":
        assert last["module"]
        assert last["causes"]
        return
    network, _ = restore_network(run / "last.pt")
    assert all(value.isfinite().all() for value in network.state_dict().values())
    losses = [event["loss"] for event in read_journal(run / "journal.jsonl") if event["event"] == "step"]
    assert torch.tensor(losses).isfinite().all()
