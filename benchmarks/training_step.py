"""What a training step costs with covariance pooling, and what the loop adds to it.

A ResNet-50 whose last stage keeps its resolution, at 224 pixels, channels last, SGD with momentum: with ``isqrt``, with
average pooling, and with the released layer in the place of ours (same reduction, same classifier). Steps are taken in
turn, after warm-ups, and compared step by step. The loop's share is measured on a training of the same network: the
time of steps inside ``train`` (loader, checks, meter, journal) over that of a bare forward, backward and step on the
same batches. Whether the processor has AMX, in which bfloat16 is fast, is recorded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from harness import options, write
from PIL import Image
from published_layer import published_isqrt
from torch import Tensor, nn

from covpool import create_network
from covpool.allocator import freed_memory_kept
from covpool.data import ImageSet, ImageSource
from covpool.evaluation.cost import quartiles
from covpool.evaluation.memory import LiveStorages
from covpool.pooling.reduce import reduction
from covpool.recipes import Choice, LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, ScheduleSpec, TransformSpec
from covpool.training.assemble import assemble
from covpool.training.logging import Loggers
from covpool.training.loop.engine import Engine
from covpool.training.loop.interrupt import StopSwitch
from covpool.training.loop.session import Session
from covpool.training.opening import open_fabric
from covpool.training.run import Journal, RunFolder, isolated_generators

BARS = {"isqrt, float32": 1.08, "isqrt, bfloat16": 1.12, "memory": 1.05, "bfloat16 over float32": 0.55, "loop": 1.02}


class PublishedPool(nn.Module):
    """The same reduction as ours, and the released layer behind it."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.reduce, _ = reduction(channels, dim)

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        with torch.autocast("cpu", enabled=False):
            return published_isqrt(reduced.float())


def main() -> None:
    """Measure both precisions and the loop; write results/training_step.json."""
    given = options(__doc__ or "")
    torch.set_num_threads(given.threads)
    size: dict[str, Any] = {"backbone": "resnet50", "side": 224, "batch": 8, "classes": 1000}
    if given.smoke:
        size = {"backbone": "resnet18", "side": 32, "batch": 2, "classes": 10}
    repeats = 1 if given.smoke else given.repeats
    with freed_memory_kept():  # as in ``train``
        rows = compare_pools(**size, repeats=repeats)
        rows += [compare_loop(**size, precision=p, repeats=repeats) for p in ("32-true", "bf16-mixed")]
    for row in rows:
        print(row)
    if not given.smoke:
        print(write("training_step", rows, **size, repeats=repeats, threads=given.threads, amx=has_amx(), bars=BARS))


def compare_pools(backbone: str, side: int, batch: int, classes: int, repeats: int) -> list[dict[str, Any]]:
    """A row for each pool and precision: milliseconds, ratio to average pooling, peak memory."""
    steps = {
        (pool, precision): BareStep(network_of(backbone, pool, classes), side, batch, precision == "bfloat16")
        for pool in ("avg", "isqrt", "published")
        for precision in ("float32", "bfloat16")
    }
    times = in_turn(steps, repeats)
    peaks = {key: peak_bytes(step) for key, step in steps.items()}
    spared = {key: peaks[key] - classifier_bytes(step.network) for key, step in steps.items()}
    return [
        {
            "what": "pool",
            "pool": pool,
            "precision": precision,
            "ms": round(1e3 * median(times[pool, precision]), 1),
            **ratios("over_average", times[pool, precision], times["avg", precision]),
            **ratios("over_float32", times[pool, precision], times[pool, "float32"]),
            "peak_mb": round(peaks[pool, precision] / 1e6, 1),
            "memory_over_average": round(peaks[pool, precision] / peaks["avg", precision], 3),
            "memory_but_classifier_over_average": round(spared[pool, precision] / spared["avg", precision], 3),
        }
        for pool, precision in steps
    ]


def network_of(backbone: str, pool: str, classes: int) -> nn.Module:
    """ResNet with the stride of its last stage taken out, and the pool; seeded."""
    torch.manual_seed(0)
    network = create_network(backbone, "avg" if pool == "avg" else "isqrt", classes, last_stride=1)
    if pool == "published":
        ours = network.head.pool
        network.head.pool = PublishedPool(ours.in_features, ours.reduce.conv.out_channels)
    return network.to(memory_format=torch.channels_last)


class BareStep:
    """One forward, backward and SGD step on one batch of noise."""

    def __init__(self, network: nn.Module, side: int, batch: int, half: bool) -> None:
        generator = torch.Generator().manual_seed(1)
        images = torch.randn(batch, 3, side, side, generator=generator)
        self.network, self.half = network, half
        self.images, self.labels = images.to(memory_format=torch.channels_last), torch.arange(batch)
        self.optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)

    def __call__(self) -> None:
        """Take it."""
        take_step(self.network, self.optimizer, self.images, self.labels, self.half)

    def tensors(self) -> list[Tensor]:
        """What is there before a step: weights, statistics, momentum, the batch."""
        momentum = [entry["momentum_buffer"] for entry in self.optimizer.state.values()]
        return [*self.network.parameters(), *self.network.buffers(), *momentum, self.images, self.labels]


def take_step(network: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor, half: bool) -> None:
    """Forward, backward, step."""
    with torch.autocast("cpu", dtype=torch.bfloat16) if half else nullcontext():
        loss = nn.functional.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def in_turn(steps: Mapping[Any, Callable[[], None]], repeats: int) -> dict[Any, list[float]]:
    """Seconds of each step, taken in turn after two warm-ups each."""
    for step in steps.values():
        step()
        step()
    times: dict[Any, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            start = perf_counter()
            step()
            times[name].append(perf_counter() - start)
    return times


def ratios(name: str, mine: list[float], reference: list[float]) -> dict[str, Any]:
    """Median and quartiles of mine / reference, step by step."""
    low, middle, high = quartiles([m / r for m, r in zip(mine, reference, strict=True)])
    return {name: round(middle, 3), f"{name}_spread": [round(low, 3), round(high, 3)]}


def peak_bytes(step: BareStep) -> int:
    """Most bytes of tensors alive at once in a step: weights, momentum and batch with what the step makes."""
    with LiveStorages(step.tensors()) as counter:
        step()
    return counter.peak


def classifier_bytes(network: nn.Module) -> int:
    """Weights of the classifier, their gradient and momentum, all of which are there at the peak."""
    return 3 * sum(p.nbytes for p in network.head.classifier.parameters())


def compare_loop(backbone: str, side: int, batch: int, classes: int, precision: str, repeats: int) -> dict[str, Any]:
    """One row: steps of the engine and bare ones in turn, on two copies of one network and the same batches."""
    with tempfile.TemporaryDirectory() as place, isolated_generators(), ExitStack() as held:
        engine = open_engine(
            recipe_of(backbone, side, batch, classes, precision, repeats), pictures(side, batch), place, held
        )
        bare = network_of(backbone, "isqrt", classes).train()
        optimizer = torch.optim.SGD(bare.parameters(), lr=1e-3, momentum=0.9)
        looped, plain = [], []
        taken = steps_of(engine)
        for number in range(repeats + 2):
            start = perf_counter()
            images, labels = next(taken)
            middle = perf_counter()
            take_step(bare, optimizer, images, labels, precision == "bf16-mixed")
            if number >= 2:
                looped.append(middle - start)
                plain.append(perf_counter() - middle)
    names = {"32-true": "float32", "bf16-mixed": "bfloat16"}
    ms = {"ms": round(1e3 * median(looped), 1), "bare_ms": round(1e3 * median(plain), 1)}
    return {"what": "loop", "precision": names[precision], **ms, **ratios("over_bare", looped, plain)}


def steps_of(engine: Engine) -> Iterator[tuple[Tensor, Tensor]]:
    """The engine's own loop, a step at a time: gives the batch of each step after it was taken."""
    for group in engine.steps():
        yield group[0].images.to(memory_format=torch.channels_last), group[0].labels


def recipe_of(backbone: str, side: int, batch: int, classes: int, precision: str, repeats: int) -> Recipe:
    """SGD with momentum on ready-made pictures."""
    return Recipe(
        name="training step",
        network=NetworkSpec(backbone=backbone, pool=Choice("isqrt"), num_classes=classes, last_stride=1),
        transform=TransformSpec(image_size=side, augment=Choice("none"), mean=(0.5,) * 3, std=(0.25,) * 3),
        loader=LoaderSpec(batch_size=batch, workers=1),
        optimizer=OptimizerSpec(name="momentum", lr=1e-3, weight_decay=0.0),
        schedule=ScheduleSpec(kind="constant", steps=repeats + 2),
        channels_last=True,
        precision=precision,
    )


def pictures(side: int, batch: int) -> ImageSource:
    """Noise in memory, enough of it for an epoch of 100 steps."""
    pixels = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    count, classes = 100 * batch, [str(place) for place in range(10)]
    labels = np.arange(count) % len(classes)
    keys = [f"{place}.png" for place in range(count)]
    images = ImageSet(classes, labels, keys, lambda place: Image.fromarray(pixels[place % batch]), "train")
    return ImageSource("noise", images, images, None, classes, "noise in memory")


def open_engine(recipe: Recipe, images: ImageSource, place: str, held: ExitStack) -> Engine:
    """The engine of ``train``, as ``train`` opens it on a CPU, with the journal and without curves."""
    folder = RunFolder(Path(place) / "run")
    session = Session(assemble(recipe, images=images), open_fabric(recipe, "cpu"))
    folder.create(recipe)
    journal = Journal(folder.journal)
    held.callback(journal.close)
    held.callback(session.parts.train_loader.close)
    stop = held.enter_context(StopSwitch())
    return Engine(
        session, folder, journal, Loggers([]), stop=stop, listen=lambda event: None, log_every=10, careful=True
    )


def has_amx() -> bool:
    """Whether the processor says that it multiplies tiles of bfloat16."""
    path = Path("/proc/cpuinfo")
    return path.exists() and "amx_bf16" in path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
