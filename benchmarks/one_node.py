"""What one machine gives a training: steps and memory in one process and in several, and what their messages take.

The rows that the plan for a cluster is made from (docs/howto/imagenet-on-a-cluster.md): ``train`` itself with ResNet-50
and ``isqrt`` at 224 pixels, the same number of pictures in each process, cores shared out among them; each kind in
interpreters of its own, in turn. Then gradients of that size, summed over the processes as DDP does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from harness import options, write
from PIL import Image

from covpool import create_network
from covpool.data import ImageSet, ImageSource
from covpool.evaluation.cost import quartiles
from covpool.recipes import Choice, LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, ScheduleSpec, TransformSpec
from covpool.training import train
from covpool.training.distributed.launching import in_processes

KINDS = [(1, "ddp"), (2, "ddp"), (2, "fsdp")]  # processes, strategy
PRECISIONS = ("32-true",)
SIZE = {"backbone": "resnet50", "side": 224, "batch": 8, "steps": 7}  # batch: of each process
SMALL = {"backbone": "resnet18", "side": 64, "batch": 4, "steps": 3}
WARM_UP = 2  # steps


class Noise:
    """Reads a picture of noise; travels to other processes."""

    def __init__(self, side: int) -> None:
        self.pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)

    def __call__(self, place: int) -> Image.Image:
        return Image.fromarray(self.pixels)


def main() -> None:
    """Measure steps and messages; write results/one_node.json."""
    if "--child" in sys.argv:
        child(json.loads(sys.argv[sys.argv.index("--child") + 1]))
        return
    given = options(__doc__ or "")
    size, rounds = (SMALL, 1) if given.smoke else (SIZE, 2)
    rows = compare(size, rounds)
    rows += [messages(size, repeats=2 if given.smoke else given.repeats)]
    for row in rows:
        print(row)
    if not given.smoke:
        print(write("one_node", rows, **size, rounds=rounds, parameters=parameters(size)))


def compare(size: Mapping[str, Any], rounds: int) -> list[dict[str, Any]]:
    """A row for each kind and precision: pictures a second, ratio to one process, peak memory of a process."""
    cases = [(count, strategy, precision) for precision in PRECISIONS for count, strategy in KINDS]
    found: dict[Any, list[dict[str, Any]]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            found[case].append(measured({**size, **dict(zip(("count", "strategy", "precision"), case, strict=True))}))
    rows = []
    for count, strategy, precision in cases:
        mine, alone = found[count, strategy, precision], found[1, "ddp", precision]
        speeds = [size["batch"] * count / result["seconds"] for result in mine]
        single = [size["batch"] / result["seconds"] for result in alone]
        low, middle, high = quartiles([m / s for m, s in zip(speeds, single, strict=True)])
        row = {"what": "training", "processes": count, "strategy": strategy, "precision": precision}
        row |= {"pictures_a_second": round(median(speeds), 2), "over_one": round(middle, 3)}
        row |= {"over_one_spread": [round(low, 3), round(high, 3)]}
        rows.append({**row, "peak_mb": round(max(result["peak"] for result in mine) / 1e6)})
    return rows


def measured(case: Mapping[str, Any]) -> dict[str, Any]:
    """One training in an interpreter of its own."""
    said = subprocess.run([sys.executable, __file__, "--child", json.dumps(case)], stdout=subprocess.PIPE, check=True)
    return json.loads(said.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def child(case: Mapping[str, Any]) -> None:
    """Train and print the median seconds of a step behind the warm-up, and the peak bytes of a process."""
    moments: list[float] = []
    peak = 0

    def hear(event: Mapping[str, Any]) -> None:
        nonlocal peak
        if event["event"] == "step":
            moments.append(perf_counter())
            peak = max(peak, most_bytes())

    with tempfile.TemporaryDirectory() as place:
        run, settings = Path(place) / "run", {"devices": case["count"], "strategy": case["strategy"]}
        train(recipe(case), run, images=pictures(case), device="cpu", listen=hear, log_every=1, log=(), **settings)
    taken = [after - before for before, after in pairwise(moments)][WARM_UP - 1 :]
    print(json.dumps({"seconds": median(taken), "peak": peak}))


def recipe(case: Mapping[str, Any]) -> Recipe:
    """SGD with momentum, 1000 classes, no augmentation: what is left is the step."""
    return Recipe(
        name="one node",
        network=NetworkSpec(backbone=case["backbone"], pool=Choice("isqrt"), num_classes=1000),
        transform=TransformSpec(image_size=case["side"], augment=Choice("none"), mean=(0.5,) * 3, std=(0.25,) * 3),
        loader=LoaderSpec(batch_size=case["batch"] * case["count"], workers=0),
        optimizer=OptimizerSpec(name="momentum", lr=1e-3, weight_decay=0.0),
        schedule=ScheduleSpec(kind="constant", steps=case["steps"]),
        channels_last=True,
        precision=case["precision"],
    )


def pictures(case: Mapping[str, Any]) -> ImageSource:
    """Noise in memory: enough for the steps, and a few to evaluate on."""
    count, classes = case["batch"] * case["count"] * case["steps"], [str(place) for place in range(10)]
    keys, labels = [f"{place}.png" for place in range(count)], np.arange(count) % len(classes)
    images = ImageSet(classes, labels, keys, Noise(case["side"]), "train")
    return ImageSource("noise", images, images.subset(range(4)), None, classes, "noise in memory")


def most_bytes() -> int:
    """The largest peak of this process and those that it has started (VmHWM)."""
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return max(high_water(process) for process in (str(own), *children))


def high_water(process: str) -> int:
    """Peak bytes in memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def messages(size: Mapping[str, Any], repeats: int) -> dict[str, Any]:
    """A row: seconds in which the gradients of the network are summed over two processes of this machine (gloo)."""
    told: list[Mapping[str, Any]] = []
    count = parameters(size)
    in_processes(2, summing, {"count": count, "repeats": repeats}, listen=told.append, stopped=lambda: False)
    low, middle, high = quartiles(told[0]["seconds"])
    row = {"what": "messages", "processes": 2, "mb": round(4 * count / 1e6, 1), "seconds": round(middle, 4)}
    return {**row, "seconds_spread": [round(low, 4), round(high, 4)], "gb_a_second": round(4e-9 * count / middle, 3)}


def summing(count: int, repeats: int, listen: Any) -> None:
    """Sum ``count`` float32 over the group again and again; the first process tells the seconds."""
    dist.init_process_group("gloo")
    gradient, seconds = torch.ones(count), []
    for _ in range(repeats + 1):
        dist.barrier()
        start = perf_counter()
        dist.all_reduce(gradient)
        seconds.append(perf_counter() - start)
    if dist.get_rank() == 0:
        listen({"seconds": seconds[1:]})
    dist.destroy_process_group()


def parameters(size: Mapping[str, Any]) -> int:
    """Of the network."""
    return sum(p.numel() for p in create_network(size["backbone"], "isqrt", 1000).parameters())


if __name__ == "__main__":
    main()
