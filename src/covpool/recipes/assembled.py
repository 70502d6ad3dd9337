"""Recipes of Assemble-ResNet: Lee et al. 2020 (arXiv 2001.06268), released as clovaai/assembled-cnn for TensorFlow 1.

Mixup of type 1 makes B pictures of 2B, so that an epoch of the release reads its pictures twice. Here an epoch reads
them once: the recipes with that mixup have twice its batch and twice its epochs, and the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.documented import documented
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec

MIXUP = Choice("mixup-type1", alpha=0.2)
TYPE2 = Choice("mixup-type2", alpha=0.2)


def vanilla() -> Recipe:
    """ResNet-50 v1.5 on ImageNet from scratch: the baseline of the ablation, with a cosine.

    Values: batch 1024, 120 epochs, lr 0.4, 5 epochs of warm-up from zero, cosine to zero afterwards, a step at a time;
    SGD with momentum 0.9, weight decay 1e-4 on everything but batch norms (the classifier's bias decays), the last
    norm of each block starts at 0, batch norms take 0.003 of each batch, 1001 classes (scripts/train_vanilla*).
    Boxes of 0.05 to 1 of the picture, flip, TensorFlow 1's bilinear, the mean taken away; centre 224 of 256.
    Script: float16 with a loss scale of 128 (--precision 16-mixed --loss_scale 128); here float32.
    Class 0 is a background that no picture has; here the further class is the last. Smoothing, where there is one,
    enters the loss of evaluation there, not here.
    Hardware: 8 GPUs. Published: top-1 accuracy 76.87, mCE 75.55 (E0). Reproduced here: not established.
    """
    return Recipe(
        name="assembled/vanilla",
        network=network_of("resnet50"),
        transform=pictures(),
        loader=LoaderSpec(batch_size=1024, workers=16),
        optimizer=sgd(lr=0.4, weight_decay=1e-4),
        schedule=cosine(epochs=120, warmup=5.0),
        source="assembled-cnn, scripts/train_vanilla and nets/hparams_config.py; Lee et al. 2020",
    )


def assemble() -> Recipe:
    """Assemble-ResNet-50 on ImageNet from scratch, as its script trains it: every technique at once.

    Values: Big-Little (2, 4) with selective kernels and 3x3 filters before strides; batch 1024, 600 epochs (here 2048
    and 1200, see mixup of type 1), lr 0.4, 5 epochs of warm-up, cosine; DropBlock that keeps 1.0 falling to 0.9,
    mixup 0.2, AutoAugment's ImageNet policy, smoothing 0.1, a teacher (AmoebaNet-A, its logits on the plain picture,
    mixed as the labels) at temperature 1 and weight 1; trained at 224, judged at 256 of 292.
    Script: mixup alpha is fixed at 0.2; type 2, not used, mixes a label with the other's teacher by mistake. The paper
    has anti-aliasing in stages 2 to 4 only; the code has it in the first too.
    The teacher's logits lie in the pictures' TFRecords or shards (image/logit, logits.npy); a network at hand is
    --distillation "teacher(network=NAME)", and none trains without.
    Hardware: 8 GPUs. Published: top-1 accuracy 82.78, mCE 48.89 of 19 corruptions (E11). Reproduced here: not
    established.
    """
    return replace(ablation("e11"), name="assembled/assemble")


@dataclass(frozen=True)
class _Row:
    """A row of the ablation: each adds a technique to those before it, but those of another ``table``."""

    network: str
    epochs: int
    adds: str
    published: str
    smoothing: bool = True
    mixing: Choice | None = MIXUP
    drop_block: bool = True
    temperature: float | None = 1.0  # of the teacher; none: no teacher
    evaluation: str = "imagenet"
    policy: str | None = None
    table: str = "table 7"


_MIXUPS, _TEMPERATURES = "the table of the mixup types", "the table of the teacher's temperatures"
_TWEAKS = "the table of the network's tweaks alone"
_E3 = _Row("resnet50-d", 200, "mixup of type 1", "79.10, mCE 68.19", drop_block=False, temperature=None)
_E8 = _Row("resnet50-d-sk", 600, "600 epochs", "82.10, mCE 56.48")
_E7 = replace(_E8, epochs=270, adds="a teacher (AmoebaNet-A, temperature 1)", published="81.69, mCE 57.08")
_E10 = _Row("assemble-resnet50", 600, "filters before strides", "82.69, mCE 54.12", evaluation="imagenet_224_256")
_TWEAKED = replace(_E3, epochs=120, smoothing=False, mixing=None, table=_TWEAKS)
_AT_256 = replace(_TWEAKED, evaluation="imagenet_224_256")
_ROWS: Mapping[str, _Row] = {
    "e0": replace(
        _E3, network="resnet50", epochs=120, adds="nothing", published="76.87, mCE 75.55", smoothing=False, mixing=None
    ),
    "e1": replace(_E3, epochs=120, adds="ResNet-D", published="77.37, mCE 75.73", smoothing=False, mixing=None),
    "e2": replace(_E3, epochs=120, adds="smoothing 0.1", published="78.35, mCE 74.27", mixing=None),
    "e3": _E3,
    "e3-type2": replace(_E3, mixing=TYPE2, adds="mixup of type 2, not 1", published="78.85", table=_MIXUPS),
    "e4": replace(_E3, network="resnet50-d-se", adds="squeeze-and-excitation", published="79.71, mCE 64.48"),
    "e5": _Row("resnet50-d-se", 270, "DropBlock", "80.40, mCE 62.64", temperature=None),
    "e6": _Row("resnet50-d-sk", 270, "selective kernels instead of SE", "81.40, mCE 58.34", temperature=None),
    "e7": _E7,
    "e7-t1.5": replace(_E7, temperature=1.5, adds="temperature 1.5, not 1", published="81.50", table=_TEMPERATURES),
    "e7-t2": replace(_E7, temperature=2.0, adds="temperature 2, not 1", published="81.47", table=_TEMPERATURES),
    "e8": _E8,
    "e9": replace(_E10, network="bl-resnet50-sk", adds="Big-Little, judged at 256", published="82.44, mCE 55.20"),
    "e10": _E10,
    "e11": replace(_E10, adds="AutoAugment", published="82.78, mCE 48.89", policy="imagenet"),
    "e12": replace(
        _E10,
        network="assemble-resnet152",
        adds="depth 152, the teacher EfficientNet-B7",
        published="84.19, mCE 43.27",
        policy="imagenet",
        evaluation="imagenet_224_256a",
    ),
    "tweaks-sk": replace(_TWEAKED, network="resnet50-d-sk", adds="selective kernels to E1", published="78.83"),
    "tweaks-bl": replace(_AT_256, network="bl-resnet50-sk", adds="Big-Little, judged at 256", published="79.27"),
    "tweaks-aa": replace(_AT_256, network="assemble-resnet50", adds="filters before strides", published="79.39"),
}


def ablation(row: str) -> Recipe:
    """The recipe of a row of the ablation table, e0 to e12, or of a table beside it."""
    wanted, plain = _ROWS[row], vanilla()
    reads = 2 if wanted.mixing == MIXUP else 1
    schedule = cosine(epochs=reads * wanted.epochs, warmup=reads * 5.0)
    teacher = Choice("stored-logits", temperature=wanted.temperature) if wanted.temperature else None
    return replace(
        plain,
        name=f"assembled/{row}",
        network=network_of(wanted.network),
        transform=pictures(wanted.evaluation, wanted.policy),
        loader=replace(plain.loader, batch_size=reads * 1024),
        schedule=replace(schedule, keep_prob=(1.0, 0.9) if wanted.drop_block else None),
        loss=Choice("cross-entropy", smoothing=0.1) if wanted.smoothing else Choice("cross-entropy"),
        mixing=wanted.mixing,
        distillation=teacher,
        source=f"Lee et al. 2020, {wanted.table}; values of assembled-cnn's scripts",
    )


def _about_row(name: str, row: _Row) -> str:
    if row.temperature is None:
        teacher = ""
    else:
        teacher = " The teacher's logits lie with the pictures; set distillation to none without."
    corruptions = " of 19 corruptions" if "mCE" in row.published else ""
    return f"""Row {name.upper()} of the ablation of Assemble-ResNet: adds {row.adds}.

    Values: {row.network}, {row.epochs} epochs of the release; the rest as assembled/vanilla, and smoothing, mixup,
    DropBlock and teacher, where {row.table} has come to them, as assembled/assemble.{teacher}
    Script: there is none for a row but E0 and E11; {row.table} of the paper says which techniques are on.
    Hardware: 8 GPUs (E0, E11). Published: top-1 accuracy {row.published}{corruptions}. Reproduced here: not
    established.
    """


def network_of(
    name: str, *, zero_gamma: bool = True, classes: int | None = 1001, norm_momentum: float | None = None
) -> NetworkSpec:
    """A network of the release."""
    return NetworkSpec(
        backbone=f"assembled/{name}",
        pool=Choice("avg"),
        num_classes=classes,
        norm_momentum=norm_momentum,
        backbone_options={"zero_gamma": True} if zero_gamma else {},
    )


def pictures(evaluation: str = "imagenet", policy: str | None = None) -> TransformSpec:
    """Sizes are the protocol's: trained at 224, judged at 224 or 256."""
    augment = Choice(f"assembled-{evaluation}") if policy is None else Choice(f"assembled-{evaluation}", policy=policy)
    return TransformSpec(augment=augment)


def sgd(*, lr: float, weight_decay: float) -> OptimizerSpec:
    """Momentum without the Nesterov term; norms do not decay, biases do."""
    return OptimizerSpec(name="momentum", lr=lr, weight_decay=weight_decay, momentum=0.9, decay_bias=True)


def cosine(*, epochs: int, warmup: float) -> ScheduleSpec:
    """A cosine to zero behind a warm-up from zero."""
    return ScheduleSpec(kind="cosine", epochs=epochs, warmup_epochs=warmup, warmup_from=0.0)


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "assembled/vanilla": vanilla,
    "assembled/assemble": assemble,
    **{f"assembled/{name}": documented(_about_row(name, row), ablation, name) for name, row in _ROWS.items()},
}
