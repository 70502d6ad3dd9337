"""The YAML files of the MindSpore releases as they are written, which train.py there does not follow.

train.py puts a fixed schedule in place of that of any YAML (``gcp_opt/mindspore-*`` follow it); what the YAMLs ask for
stands here, for those that a network of ours can follow. No recipes: ResNet-101 and SE-ResNet-50 (their networks are
not among the tables' and not among ours) and ResNet-152 (its YAML names a network that fails when it is built).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.documented import documented
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec


@dataclass(frozen=True)
class _Yaml:
    """A file: network, images a device, devices, optimizer, lr, momentum, decay, schedule; what is to be said of it."""

    network: str
    batch: int
    lr: float
    schedule: ScheduleSpec
    words: str
    about: str
    optimizer: str = "momentum"
    momentum: float = 0.9
    weight_decay: float = 1e-4
    classes: int = 1001
    size: int = 224
    devices: int = 1


def _linear(epochs: int, warmup: float) -> ScheduleSpec:
    return ScheduleSpec(kind="polynomial", epochs=epochs, warmup_epochs=warmup, warmup_from=0.0)  # lr_init 0


_STRAIGHT = "lr straight from 0.8 to 0 after 2 epochs of warm-up"
_PLAIN = "What train.py runs instead is gcp_opt/mindspore-{network}."
_THOR = (
    "THOR, a second-order optimizer, is neither in torch nor in timm: SGD with momentum stands in, so that the "
    "rate and the length are the YAML's and the accuracy is another. The images a device are not established: 32 here."
)

YAMLS: Mapping[str, _Yaml] = {
    "resnet18": _Yaml("resnet18-mpncov", 64, 0.8, _linear(100, 2.0), _STRAIGHT, _PLAIN, devices=4),
    "resnet34": _Yaml("resnet34-mpncov", 64, 0.8, _linear(100, 2.0), _STRAIGHT, _PLAIN, devices=4),
    "resnet34-gpu": _Yaml("resnet34-mpncov", 64, 0.8, _linear(90, 2.0), _STRAIGHT, _PLAIN, devices=4),
    "resnet50": _Yaml("resnet50-mpncov", 64, 0.8, _linear(100, 2.0), _STRAIGHT, _PLAIN, devices=4),
    "resnet50-boost": _Yaml(
        "resnet50-mpncov",
        256,
        13.01,
        ScheduleSpec(kind="polynomial", epochs=60, warmup_epochs=1.0, warmup_from=0.0, power=2.0),
        "LARS (coefficient 0.001), lr 13.01 falling with the square after 1 epoch of warm-up, pictures of 192",
        "timm's LARS has the coefficient 0.001 too; its other details were not compared.",
        optimizer="lars",
        momentum=0.85,
        weight_decay=5e-5,
        size=192,
    ),
    "resnet50-thor-ascend": _Yaml(
        "resnet50-mpncov",
        32,
        0.05803,
        ScheduleSpec(kind="polynomial", epochs=45, power=4.0839, curve_epochs=53.0),
        "lr 0.05803 (1 - t / 53)^4.0839 for 45 epochs",
        f"{_THOR} Its damping (0.03, 0.50036) and update frequency (834) have no place here.",
        weight_decay=5e-4,
    ),
    "resnet50-thor-gpu": _Yaml(
        "resnet50-mpncov",
        32,
        0.05672,
        ScheduleSpec(kind="polynomial", epochs=40, power=4.9687, curve_epochs=50.0),
        "lr 0.05672 (1 - t / 50)^4.9687 for 40 epochs",
        f"{_THOR} Its damping (0.02345, 0.5467) and update frequency (834) have no place here.",
        weight_decay=5e-4,
    ),
    "resnet50-cifar10": _Yaml(
        "resnet50-mpncov",
        32,
        0.1,
        ScheduleSpec(kind="polynomial", epochs=90, warmup_epochs=5.0, warmup_from=0.1, power=2.0),
        "lr 0.01 rising to 0.1 in 5 epochs and falling with the square",
        "Its pictures are scaled to 224 pixels and shifted here; how the release treats them is not established, nor "
        "are momentum, decay and smoothing, which are those of the other files.",
        classes=10,
    ),
}


def written(name: str) -> Recipe:
    """The recipe of a YAML."""
    row = YAMLS[name]
    small = row.classes == 10
    return Recipe(
        name=f"gcp_opt/yaml-{name}",
        network=NetworkSpec(backbone=f"gcp_opt/mindspore-{row.network}", pool=Choice("isqrt"), num_classes=row.classes),
        transform=TransformSpec(
            image_size=row.size,
            augment=Choice("shift", padding=28, flip=0.5) if small else Choice("gcp_opt-mindspore"),
        ),
        loader=LoaderSpec(batch_size=row.batch * row.devices, workers=8),
        optimizer=OptimizerSpec(name=row.optimizer, lr=row.lr, weight_decay=row.weight_decay, momentum=row.momentum),
        schedule=row.schedule,
        # 0.9 for the label and 0.1 / (K - 1) for each other class, as smoothing over all K
        loss=Choice("cross-entropy", smoothing=0.1 * row.classes / (row.classes - 1)),
        source="GCP-OPT (MindSpore), config/*.yaml as they are written; TPAMI 2023",
    )


def _about(name: str, row: _Yaml) -> str:
    devices = "as on 4 devices (device_num)" if row.devices == 4 else "that of one device"
    return f"""{row.network} of the MindSpore release as its YAML ({name}) is written, which train.py does not follow.

    Values: {row.batch} images a device, {row.schedule.epochs} epochs, {row.words}; momentum {row.momentum:g}, decay
    {row.weight_decay:g} but for norms and biases, smoothing 0.1 over the other of {row.classes} classes (YAML).
    Script: {row.about.format(network=row.network)} Everything in float16 with a loss scale there, float32 here; the
    batch is {devices}.
    Hardware: not established. Published: none for this file. Reproduced here: not established.
    """


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    f"gcp_opt/yaml-{name}": documented(_about(name, row), written, name) for name, row in YAMLS.items()
}
