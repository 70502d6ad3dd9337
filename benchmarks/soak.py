"""Hours of training in one process over a set of pictures that grows: does memory, time or anything else creep?

Training after training is begun over class folders that have more pictures each time, with two workers, checkpoints,
evaluations inside the epoch and curves; every other one is interrupted and resumed; its best checkpoint then predicts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter
from typing import Any

import torch
from creep import MEMORY, TIME, WARM_UP, Sample, complaints, sample, slope, slowed, warm
from harness import write
from picture_sets import CLASSES, jpegs

from covpool.data import Preprocessing, eval_loader, eval_transform, open_images
from covpool.evaluation import predict
from covpool.models import restore_network
from covpool.recipes import Choice, LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, ScheduleSpec, TransformSpec
from covpool.training import train

SIDE, FIRST, MORE, HELD_OUT = 16, 600, 100, 100  # pictures: their side, at first, more each time, of evaluation
STRETCHES = 12  # rows of the record


class Watch:
    """Listens to trainings: a sample at each "step" event, with the milliseconds of a step since the last one."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.samples: list[Sample] = []
        self.pictures = self.before = 0
        self.interrupt_at: int | None = None
        self._since: float | None = None

    def begin(self, pictures: int, interrupt_at: int | None) -> None:
        """A training begins; ``interrupt_at``: its step at which it is stopped."""
        self.pictures, self.interrupt_at, self._since = pictures, interrupt_at, None

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take a sample; raise KeyboardInterrupt where the training is to be interrupted."""
        if event["event"] == "step":
            now, step = perf_counter(), self.before + event["step"]
            if self._since is not None:  # the first steps of a training await its workers
                ms = 1e3 * (now - self._since) / self.every
                self.samples.append({"step": step, "pictures": self.pictures, "ms": ms, **sample()})
            if event["step"] == self.interrupt_at:
                self.interrupt_at = None
                raise KeyboardInterrupt
        self._since = perf_counter() if event["event"] in ("step", "checkpoint") else None

    @property
    def steps(self) -> int:
        """Steps of all trainings so far."""
        return self.samples[-1]["step"] if self.samples else 0


def recipe(steps: int, every: int, workers: int) -> Recipe:
    """A training that uses what a long one does."""
    return Recipe(
        network=NetworkSpec(backbone="conv4", pool=Choice("isqrt", reduce_to=16)),
        transform=TransformSpec(image_size=SIDE, augment=Choice("flip")),
        loader=LoaderSpec(batch_size=8, workers=workers),
        optimizer=OptimizerSpec(lr=1e-2),
        schedule=ScheduleSpec(steps=steps, evaluate_every_steps=4 * every),
        checkpoint_every_steps=4 * every,
        ema=0.99,
    )


def grow(place: Path, split: str, first: int, count: int, files: list[bytes]) -> None:
    """Put pictures ``first`` to ``first + count`` into the class folders of a split."""
    for number in range(first, first + count):
        folder = place / split / f"class{number % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:07d}.jpg").write_bytes(files[number % len(files)])


def one_training(place: Path, asked: Recipe, watch: Watch, *, interrupted: bool) -> None:
    """Train on the pictures of now, predict with what came out, and leave no file behind."""
    images, run = open_images(place / "pictures"), place / "run"
    assert images.train is not None
    assert images.val is not None
    steps = asked.schedule.steps or 0
    watch.begin(len(images.train), steps // (2 * watch.every) * watch.every if interrupted else None)
    settings: dict[str, Any] = {"images": images, "device": "cpu", "listen": watch, "log_every": watch.every}
    if train(asked, run, **settings).interrupted:
        train(None, run, resume=True, **settings)
    network, about = restore_network(run / "best.pt")
    loader = eval_loader(images.val, eval_transform(Preprocessing.from_dict(about["preprocessing"])), batch_size=16)
    predict(network, loader, device="cpu")
    watch.before += steps
    shutil.rmtree(run)


def soak(place: Path, seconds: float, asked: Recipe, every: int) -> tuple[list[Sample], list[Sample]]:
    """Trainings until the time is over; samples of the work, and of the rests between."""
    watch, rests, files, count = Watch(every), [], jpegs(SIDE), FIRST
    grow(place / "pictures", "train", 0, count, files)
    grow(place / "pictures", "val", 0, HELD_OUT, files)
    begun = monotonic()
    while not rests or monotonic() - begun < seconds:
        one_training(place, asked, watch, interrupted=len(rests) % 2 == 1)
        rests.append({"step": watch.before, **sample()})
        grow(place / "pictures", "train", count, MORE, files)
        count += MORE
        if len(rests) % 10 == 1:
            print(f"{(monotonic() - begun) / 60:.0f} minutes: {watch.before} steps, {_said(watch.samples)}", flush=True)
    return watch.samples, rests


def _said(samples: list[Sample]) -> str:
    last = samples[-1]
    return f"{last['pictures']} pictures, {last['mb']:.0f} MB with the workers, {last['ms']:.1f} ms a step"


def stretches(samples: list[Sample], count: int = STRETCHES) -> list[dict[str, Any]]:
    """Rows of the record: medians over equal parts of the run."""
    length = max(1, len(samples) // count)
    parts = [samples[i : i + length] for i in range(0, length * min(count, len(samples)), length)]
    return [
        {
            "steps": part[-1]["step"],
            "pictures": part[-1]["pictures"],
            **{key: round(median(s[key] for s in part), 2) for key in ("mb", "ms")},
            **{key: round(median(s[key] for s in part)) for key in ("files", "processes", "shared")},
        }
        for part in parts
    ]


def asked_for() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120, help="how long")
    parser.add_argument("--smoke", action="store_true", help="one short training, nothing written, nothing judged")
    return parser.parse_args()


def main() -> None:
    """Run, write results/soak.json, and end with 1 and a sentence where anything grew."""
    options = asked_for()
    torch.set_num_threads(1)
    every, steps = (2, 8) if options.smoke else (50, 500)
    with tempfile.TemporaryDirectory() as place:
        asked = recipe(steps, every, workers=0 if options.smoke else 2)
        samples, rests = soak(Path(place), 0 if options.smoke else 60 * options.minutes, asked, every)
    rows = stretches(samples)
    print(*rows, sep="\n")
    if options.smoke:
        return
    found = complaints(samples, rests)
    measured = {"slope": round(slope(samples, "mb"), 3), "slope_at_rest": round(slope(rests, "mb"), 3)}
    measured |= {"slowed": round(slowed(samples), 3), "trainings": len(rests), "steps": rests[-1]["step"]}
    left = {key: [round(warm(rests)[0][key], 1), round(rests[-1][key], 1)] for key in rests[-1] if key != "step"}
    settings = {"minutes": options.minutes, "side": SIDE, "every": every, "warm_up": WARM_UP, "left": left, **measured}
    print(write("soak", rows, **settings, bars={"memory": MEMORY, "time": TIME}, complaints=found))
    if found:
        sys.exit("soak: " + "; ".join(found))


if __name__ == "__main__":
    main()
