"""Ten times too fast for thousands of steps: finite weights at the end or the doctor's word, never silence."""

from contextlib import suppress

import numpy as np
import pytest
import torch
from PIL import Image

from covpool.data import ImageSet, ImageSource
from covpool.models import restore_network
from covpool.pooling import pools
from covpool.recipes import Choice, LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, ScheduleSpec, TransformSpec
from covpool.training import NonFiniteLoss, read_journal, train
from pooling_cases import NEEDED

STEPS = 5_000
SECOND_ORDER = [name for name in pools if pools.get(name).order == 2]


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
        network=NetworkSpec(backbone="conv4", pool=Choice(pool, **NEEDED.get(pool, {})), reduce_to=8),
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
