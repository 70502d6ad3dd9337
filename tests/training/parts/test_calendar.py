"""Stages and epochs with batches, pictures and samples of their own; a run stopped there repeats its numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from covpool.data import ImageSource
from covpool.observe import observe
from covpool.recipes import Choice, ScheduleSpec
from covpool.training.assemble import assemble
from covpool.training.fit import train
from covpool.training.loop.session import Session
from covpool.training.opening import open_fabric
from covpool.training.parts.calendar import Calendar
from covpool.training.parts.schedule import lr_factor


def test_steps_are_counted_by_stage():
    calendar = Calendar(ScheduleSpec(epochs=5, head_epochs=2), steps=10, head_steps=4)
    assert [calendar.start(epoch) for epoch in range(6)] == [0, 4, 8, 18, 28, 38]
    assert [calendar.end(epoch) for epoch in range(5)] == [4, 8, 18, 28, 38]
    assert (calendar.total, calendar.epochs) == (38, 5)
    cut = Calendar(ScheduleSpec(epochs=5, head_epochs=2, steps=15), steps=10, head_steps=4)
    assert (cut.total, cut.epochs, cut.end(2)) == (15, 3, 15)
    assert Calendar(ScheduleSpec(epochs=5, head_epochs=2, steps=7), steps=10, head_steps=4).epochs == 2


def test_without_sizes_of_their_own_stages_have_the_rates_of_the_schedule():
    schedule = ScheduleSpec(epochs=4, head_epochs=1, warmup_epochs=0.5)
    calendar = Calendar(schedule, steps=6, head_steps=6)
    assert [calendar.lr_factor(s) for s in range(24)] == [lr_factor(s, schedule, 6) for s in range(24)]


@pytest.mark.parametrize("more", [{}, {"steps": 22}, {"kind": "step", "milestones": (2, 3)}])
def test_each_stage_has_the_rates_of_its_own_epochs(more):
    schedule = ScheduleSpec(epochs=4, head_epochs=1, warmup_epochs=0.5, **more)
    calendar = Calendar(schedule, steps=8, head_steps=3)
    assert [calendar.lr_factor(s) for s in range(3)] == [lr_factor(s, schedule, 3) for s in range(3)]
    whole = replace(schedule, steps=None if schedule.steps is None else schedule.steps + 5)
    later = [lr_factor(8 + s, whole, 8) for s in range(calendar.total - 3)]
    assert [calendar.lr_factor(3 + s) for s in range(len(later))] == later


@pytest.fixture
def staged(recipe):
    """44 pictures: two steps of 22 while the head learns, four of at most 12 afterwards."""
    return replace(
        recipe,
        loader=replace(recipe.loader, batch_size=4, head_batch_size=8),
        schedule=replace(recipe.schedule, image_sizes=((0, 8), (1, 12))),
    )


def test_the_first_stage_has_batches_of_its_own(staged, pictures, tmp_path):
    with Sizes() as seen:
        outcome = train(staged, tmp_path / "run", images=pictures, device="cpu")
    assert seen == [(8, 8)] * 5 + [(4, 8)] + [(4, 12)] * 11
    assert [row["step"] for row in outcome.history] == [2, 6]


class Sizes:
    """(pictures, side) of the batches that a backbone sees while it is trained."""

    def __enter__(self):
        sizes = []

        def look(module, inputs):
            if module.__class__.__name__ == "Network" and module.head.training:
                sizes.append((inputs[0].shape[0], inputs[0].shape[-1]))

        self.handle = torch.nn.modules.module.register_module_forward_pre_hook(look)
        return sizes

    def __exit__(self, *_):
        self.handle.remove()


def stored_logits(pictures):
    said = np.random.default_rng(5).normal(size=(len(pictures.train), 3)).astype(np.float32)
    return ImageSource("taught", pictures.train.with_teacher_logits(said), pictures.val, None, pictures.classes, "")


CHANGES = {
    "stages and sizes": lambda r: replace(
        r,
        loader=replace(r.loader, head_batch_size=8),
        schedule=replace(r.schedule, image_sizes=((0, 8), (1, 12))),
    ),
    "balanced": lambda r: replace(r, loader=replace(r.loader, sampling="balanced")),
    "mixed and stored": lambda r: replace(r, mixing=Choice("mixup-type2"), distillation=Choice("stored-logits")),
    "swa": lambda r: replace(r, ema=None, swa_epochs=1),
    "float16": lambda r: replace(r, precision="16-mixed"),
    "n-pair": lambda r: replace(r, auxiliary=Choice("n-pair"), loader=replace(r.loader, sampling="pairs")),
}


QUICK = [("stages and sizes", 2), ("mixed and stored", 5)]
LONG = [(change, step) for change in CHANGES for step in (1, 2, 5) if (change, step) not in QUICK]


@pytest.mark.parametrize(("change", "step"), [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in LONG)])
def test_a_run_that_is_stopped_repeats_its_numbers(change, step, recipe, pictures, records, tmp_path):
    changed, source = CHANGES[change](recipe), stored_logits(pictures)
    settings = {"images": source, "device": "cpu", "log_every": 1}
    train(changed, tmp_path / "straight", **settings)

    def stop(event):
        if event["event"] == "step" and event["step"] == step:
            raise KeyboardInterrupt

    assert train(changed, tmp_path / "run", listen=stop, **settings).interrupted
    train(None, tmp_path / "run", resume=True, **settings)
    assert records(tmp_path / "run") == records(tmp_path / "straight")


@pytest.mark.slow
def test_every_change_is_one(recipe, pictures, tmp_path):
    """What is switched on changes the numbers of the run."""
    source = stored_logits(pictures)
    losses = {}
    for name, change in {"plain": lambda r: r, **CHANGES}.items():
        outcome = train(change(recipe), tmp_path / name, images=source, device="cpu")
        losses[name] = outcome.history[-1]["train_loss"], outcome.history[-1]["eval_loss"]
    assert len(set(losses.values())) == len(losses)


def test_the_network_is_observed_where_pairs_are_compared(recipe, pictures):
    paired = replace(recipe, auxiliary=Choice("n-pair", weight=0.5), loader=replace(recipe.loader, sampling="pairs"))
    session = Session(assemble(paired, images=pictures), open_fabric(paired, "cpu"))
    batch = next(session.parts.train_loader.epoch(0))
    assert batch.labels[0] == batch.labels[1]
    with observe(session.network, "head.pool") as seen:
        logits, loss = session.objective(batch.images, batch.labels)
    plain = session.objective.loss(logits, batch.labels)
    torch.testing.assert_close(loss, plain + session.objective.auxiliary(seen["head.pool"], batch.labels))
