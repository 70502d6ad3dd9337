"""Recipes of covariance pooling from the view of optimization (CVPR 2020, TPAMI 2023) and of DropCov (NeurIPS 2022).

GC is the PyTorch release of CVPR 2020 (ZhangLi-CS/GCP_Optimization), DC that of DropCov (mingzeG/DropCov), GO and SH
the ones for MindSpore (Terror03/GCP-OPT, Sherry1945/Dropcov_mindspore). Where a script overwrites its own flags, what
it overwrites them with is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.documented import documented
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec

POOLS = {"gap": "avg", "mpncov": "isqrt", "mpncov-128": "isqrt", "dropcov": "dropcov"}


@dataclass(frozen=True)
class _Training:
    """Batch, lr and its schedule, weight decay, and both in words."""

    batch: int
    lr: float
    schedule: ScheduleSpec
    weight_decay: float
    words: str


_TRAININGS: Mapping[tuple[str, str], _Training] = {
    ("resnet", ""): _Training(
        256,
        0.1,
        ScheduleSpec(kind="step", epochs=100, milestones=(30, 60, 90), each="epoch"),
        1e-4,
        "LRnorm: 0.1 divided by 10 every 30 epochs",
    ),
    # epochs e count from 0 and the formulas from 1, so that epoch 0 is above 0.1
    ("resnet", "lrfast"): _Training(
        256,
        0.1 * (53 / 52) ** 11,
        ScheduleSpec(kind="polynomial", epochs=30, power=11.0, curve_epochs=53.0, each="epoch"),
        1e-4,
        "LRfast: 0.1 (1 - (e - 1) / 52)^11 in epoch e from 0, 0.1233 at first",
    ),
    ("resnet", "lradju"): _Training(
        256,
        0.1 * (50 / 49) ** 2,
        ScheduleSpec(kind="polynomial", epochs=50, power=2.0, curve_epochs=50.0, each="epoch"),
        1e-4,
        "LRadju: 0.1 (1 - (e - 1) / 49)^2 in epoch e from 0, 0.1041 at first",
    ),
    ("mobilenet", ""): _Training(
        96,
        0.045,
        ScheduleSpec(kind="exponential", epochs=400, gamma=0.98, each="epoch"),
        4e-5,
        "LRnorm: 0.045 times 0.98 an epoch",
    ),
    ("mobilenet", "lrfast"): _Training(
        96,
        0.06,
        ScheduleSpec(kind="exponential", epochs=100, gamma=0.92, each="epoch"),
        4e-5,
        "LRfast: 0.06 times 0.92 an epoch",
    ),
    ("mobilenet", "lradju"): _Training(
        192,
        0.06,
        ScheduleSpec(
            kind="piecewise",
            epochs=150,
            milestones=(50, 100, 150),
            factors=(0.01 / 0.06, 0.001 / 0.06, 1e-5 / 0.06),
            each="epoch",
        ),
        4e-5,
        "LRadju: straight from 0.06 to 0.01, 0.001 and 1e-5 at epochs 50, 100 and 150",
    ),
    **{
        ("shufflenet", kind): _Training(
            1024,
            0.5,
            ScheduleSpec(kind="polynomial", epochs=epochs),
            4e-5,
            "0.5 straight to 0, a step at a time",
        )
        for kind, epochs in (("", 240), ("lrfast", 60), ("lradju", 100))
    },
}

# top-1 and top-5 accuracy on LRnorm, LRfast, LRadju; TPAMI release's tables
_PUBLISHED: Mapping[str, tuple[str, str, str]] = {
    "mobilenet-v2-gap": ("71.62/90.18", "69.29/89.01", "71.27/90.08"),
    "mobilenet-v2-mpncov": ("74.39/91.86", "72.45/90.51", "73.97/91.53"),
    "mobilenet-v2-mpncov-128": ("73.28/91.26", "none", "72.58/90.87"),
    "shufflenet-v2-x1_0-gap": ("67.96/87.84", "66.13/86.54", "67.15/87.35"),
    "shufflenet-v2-x1_0-mpncov": ("71.83/90.04", "70.29/89.00", "71.17/89.74"),
    "resnet18-gap": ("70.47/89.59", "66.02/86.69", "69.62/89.00"),
    "resnet18-mpncov": ("75.48/92.23", "72.02/89.97", "74.86/91.81"),
    "resnet34-gap": ("74.19/91.60", "69.88/89.25", "73.13/91.14"),
    "resnet34-mpncov": ("77.11/93.33", "73.88/91.42", "76.81/93.04"),
    "resnet50-gap": ("76.02/92.97", "71.08/90.04", "75.32/92.47"),
    "resnet50-mpncov": ("78.56/94.09", "75.31/92.11", "78.03/93.95"),
    "resnet50-mpncov-128": ("78.02/94.02", "none", "77.72/93.73"),
    "resnet101-gap": ("77.67/93.83", "73.13/91.06", "77.53/93.53"),
    "resnet101-mpncov": ("79.47/94.71", "76.38/92.82", "79.18/94.47"),
}
_DROPCOV = {"resnet18": "73.5/91.2", "resnet34": "76.81", "resnet50": "78.19", "resnet101": "79.51"}
_WIDTH = (
    " Colours changed by up to 0.4 and lighting (main_shufflenet.py), whose deviation, 0.1 here, is not established. "
    "Width 1.0 is assumed: the table does not state it."
)


def convolutional(network: str, kind: str = "") -> Recipe:
    """A convolutional network on ImageNet by GC's or DC's main.py; ``kind`` is '' (LRnorm), 'lrfast' or 'lradju'."""
    family, _, pool = network.partition("-v2-x1_0-" if "shuffle" in network else "-v2-" if "mobile" in network else "-")
    training = _TRAININGS[family.rstrip("0123456789"), kind]
    return Recipe(
        name="-".join(filter(None, (f"gcp_opt/{network}", kind))),
        network=NetworkSpec(backbone=f"gcp_opt/{network}", pool=Choice(POOLS[pool])),
        transform=TransformSpec(
            image_size=224, augment=Choice("gcp_opt-shufflenet" if "shuffle" in family else "gcp_opt-imagenet")
        ),
        loader=LoaderSpec(batch_size=training.batch, workers=16),
        optimizer=OptimizerSpec(
            name="momentum",
            lr=training.lr,
            weight_decay=training.weight_decay,
            momentum=0.9,
            decay_norm_and_bias=True,
        ),
        schedule=training.schedule,
        source=f"{'DropCov' if pool == 'dropcov' else 'GCP_Optimization'} (PyTorch), main.py and main_shufflenet.py",
    )


def _convolutional(network: str, kind: str, published: str) -> Callable[[], Recipe]:
    recipe = convolutional(network, kind)
    family = recipe.name.removeprefix("gcp_opt/").split("-")[0].rstrip("0123456789")
    training = _TRAININGS[family, kind]
    about = f"""{network} on ImageNet from scratch, {kind or "LRnorm"}.

    Values: batch {training.batch}, {training.schedule.epochs} epochs, lr {training.words}; SGD with momentum 0.9,
    weight decay {training.weight_decay:g} on everything, no smoothing; random resized crop of 224, flip; centre 224 of
    256 (main.py).{_WIDTH if family == "shufflenet" else ""}
    Script: main.py overwrites the flags of lr, batch, decay and epochs by these for its kind of network.
    Hardware: not established. Published: top-1/top-5 accuracy {published} (README, one crop). Reproduced here: not
    established.
    """
    return documented(about, convolutional, network, kind)


_TRANSFORMERS = {  # lr, weight decay, images a step on 8 GPUs, published top-1
    "deit-drop-tiny": (1e-3, 0.03, 1024, "none"),
    "deit-drop-small": (1e-3, 0.03, 1024, "82.4 (README)"),
    "deit-drop-base": (5e-4, 0.065, 512, "none"),
    "t2t-drop-14": (1e-3, 0.03, 1024, "82.7 (README)"),
}


def transformer(network: str) -> Recipe:
    """A transformer of DropCov by DC's scripts in Transformers/scripts."""
    lr, decay, batch, _ = _TRANSFORMERS[network]
    return Recipe(
        name=f"gcp_opt/{network}",
        network=NetworkSpec(
            backbone=f"gcp_opt/{network}", pool=Choice("crosscov"), backbone_options={"drop_path_rate": 0.1}
        ),
        transform=TransformSpec(image_size=224, augment=Choice("deit")),
        loader=LoaderSpec(batch_size=batch, workers=8),
        optimizer=OptimizerSpec(name="adamw", lr=lr, weight_decay=decay),
        schedule=ScheduleSpec(
            kind="cosine",
            epochs=310,
            warmup_epochs=5.0,
            warmup_from=1e-6 / lr,
            warmup_covers=True,
            each="epoch",
            curve_epochs=300.0,
            final_lr_ratio=1e-5 / lr,
        ),
        loss=Choice("cross-entropy", smoothing=0.1),
        mixing=Choice("mixup-cutmix", mixup=0.8, cutmix=1.0, probability=1.0, switch=0.5),
        ema=0.99996,
        seed=42,
        source="DropCov (PyTorch), Transformers/main.py and scripts; NeurIPS 2022",
    )


def _transformer(network: str) -> Callable[[], Recipe]:
    lr, decay, batch, published = _TRANSFORMERS[network]
    about = f"""{network} on ImageNet from scratch, as DeiT trains.

    Values: {batch} images a step, lr {lr:g}, AdamW with decay {decay:g} (script); 5 epochs of warm-up from 1e-6 under a
    cosine of 300 epochs to 1e-5, 10 epochs there, RandAugment m9, erasing 0.25, mixup 0.8, CutMix 1.0, smoothing 0.1,
    stochastic depth 0.1, running average 0.99996, seed 42 (main.py's defaults; 310 epochs are what it counts).
    Script: --model-ema cannot be switched off; --amp (float16) is on, here float32.
    The T2T script names T2T_ViT_Drop_14, which is not registered: the network that is meant is here. The running
    average here starts with a shorter memory.
    Hardware: 8 GPUs, kind not stated. Published: top-1 accuracy {published}. Reproduced here: not established.
    """
    return documented(about, transformer, network)


_MINDSPORE = {  # lr that works, published top-1
    "resnet18-mpncov": (0.1, "74.64"),
    "resnet34-mpncov": (0.025, "76.27"),
    "resnet50-mpncov": (0.1, "77.71"),
    "resnet18-dropcov": (0.24, "73.8"),
    "resnet34-dropcov": (0.06, "76.13"),
    "resnet50-dropcov": (0.24, "77.77"),
}


def mindspore(network: str) -> Recipe:
    """A network of the MindSpore releases by its YAML, with the schedule that train.py puts in its place."""
    pool = POOLS[network.partition("-")[2]]
    return Recipe(
        name=f"gcp_opt/mindspore-{network}",
        network=NetworkSpec(backbone=f"gcp_opt/mindspore-{network}", pool=Choice(pool), num_classes=1001),
        transform=TransformSpec(image_size=224, augment=Choice("gcp_opt-mindspore")),
        loader=LoaderSpec(batch_size=256, workers=8),
        optimizer=OptimizerSpec(name="momentum", lr=_MINDSPORE[network][0], weight_decay=1e-4, momentum=0.9),
        schedule=ScheduleSpec(kind="step", epochs=100, milestones=(30, 60, 90), each="epoch"),
        # 0.9 for the label and 0.1 / 1000 for each other class, as smoothing over all 1001
        loss=Choice("cross-entropy", smoothing=0.1 * 1001 / 1000),
        source="GCP-OPT and Dropcov_mindspore, config/resnet*_imagenet2012_config.yaml and train.py; TPAMI 2023",
    )


def _mindspore(network: str) -> Callable[[], Recipe]:
    lr, published = _MINDSPORE[network]
    about = f"""{network} on ImageNet from scratch, as the MindSpore release really trains it.

    Values: 64 images on each of 4 GPUs, 100 epochs, smoothing 0.1 over the other 1000 of 1001 classes, momentum 0.9,
    decay 1e-4 but for norms and biases (YAML); lr divided by 10 every 30 epochs (train.py:338).
    Script: the YAML's schedule (linear from 0.8, 2 epochs of warm-up) is commented out; train.py has 0.1 (DropCov
    0.12) at 5004 steps an epoch, as 4 GPUs make. The optimizer divides gradients by a scale of its own, 1024 (512 in
    DropCov), the loss is multiplied by the YAML's (1024, ResNet-34 256): lr {lr:g} is what works, derived and not run.
    Everything in float16 there, float32 here; its evaluation drops the last batch.
    Hardware: 4 GPUs. Published: top-1 accuracy {published} (README). Reproduced here: not established.
    """
    return documented(about, mindspore, network)


def _rows() -> Iterator[tuple[str, Callable[[], Recipe]]]:
    for network, published in _PUBLISHED.items():
        for kind, accuracy in zip(("", "lrfast", "lradju"), published, strict=True):
            if accuracy != "none":
                yield "-".join(filter(None, (network, kind))), _convolutional(network, kind, accuracy)
    for depth, accuracy in _DROPCOV.items():
        yield f"{depth}-dropcov", _convolutional(f"{depth}-dropcov", "", accuracy)
    for network in _TRANSFORMERS:
        yield network, _transformer(network)
    for network in _MINDSPORE:
        yield f"mindspore-{network}", _mindspore(network)


RECIPES: Mapping[str, Callable[[], Recipe]] = {f"gcp_opt/{name}": recipe for name, recipe in _rows()}
