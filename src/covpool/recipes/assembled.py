"""Recipes of Assemble-ResNet: Lee et al. 2020 (arXiv 2001.06268), released as clovaai/assembled-cnn for TensorFlow 1.

Mixup of type 1 makes B pictures of 2B, so that an epoch of the release reads its pictures twice. Here an epoch reads
them once: the recipes with that mixup have twice its batch and twice its epochs, and the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from covpool.recipes.documented import documented
from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec

MIXUP = Choice("mixup-type1", alpha=0.2)
TEACHER = Choice("stored-logits", temperature=1.0)


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
        network=_network("resnet50"),
        transform=_pictures(),
        loader=LoaderSpec(batch_size=1024, workers=16),
        optimizer=_sgd(lr=0.4, weight_decay=1e-4),
        schedule=_cosine(epochs=120, warmup=5.0),
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


def finetune_vanilla() -> Recipe:
    """ResNet-50 fine-tuned on Food-101: the baseline.

    Values: batch 256, 100 epochs, lr 0.01, 5 epochs of warm-up, cosine, weight decay 1e-3 on everything but batch
    norms, which take 0.034 of each batch (1 - 10 / steps of an epoch); no other technique (scripts).
    Script: running statistics are not restored from the ImageNet network and start anew; the text of the authors says
    decay 0.01, the scripts 0.001.
    Start it from the ImageNet network: --network.weights FILE, its released checkpoint or one of ours; the classifier
    starts anew. Departs: the running statistics come along, and at 0.034 of each batch are soon those of the set.
    Hardware: 4 GPUs. Published: top-1 accuracy 87.0. Reproduced here: not established.
    """
    return Recipe(
        name="assembled/finetune-vanilla",
        network=_network("resnet50", zero_gamma=False, classes=None, norm_momentum=1 - 0.966),
        transform=_pictures(),
        loader=LoaderSpec(batch_size=256, workers=16),
        optimizer=_sgd(lr=0.01, weight_decay=1e-3),
        schedule=_cosine(epochs=100, warmup=5.0),
        source="assembled-cnn, scripts/finetuning_vanilla_food101 and nets/hparams_config.py; Lee et al. 2020",
    )


def finetune(epochs: int = 100, norm_momentum: float = 1 - 0.966) -> Recipe:
    """Assemble-ResNet-50 fine-tuned on Food-101, as its script trains it.

    Values: batch 256, 100 epochs (here 512 and 200, see mixup of type 1), lr 0.01, 5 epochs of warm-up, cosine, decay
    1e-3, DropBlock that keeps 0.9 falling to 0.7, mixup 0.2, AutoAugment's 'good' policy, smoothing 0.1, no teacher,
    batch norms take 0.034 of each batch; judged at 224 (scripts).
    Script, Departs: as assembled/finetune-vanilla.
    Hardware: 4 GPUs. Published: top-1 accuracy 92.5. Reproduced here: not established.
    """
    plain = finetune_vanilla()
    return replace(
        plain,
        name="assembled/finetune",
        network=_network("assemble-resnet50", zero_gamma=False, classes=None, norm_momentum=norm_momentum),
        transform=_pictures(policy="good"),
        loader=replace(plain.loader, batch_size=2 * 256),
        schedule=replace(_cosine(epochs=2 * epochs, warmup=2 * 5.0), keep_prob=(0.9, 0.7)),
        loss=Choice("cross-entropy", smoothing=0.1),
        mixing=MIXUP,
        source="assembled-cnn, scripts/finetuning_assemble_food101; Lee et al. 2020",
    )


@dataclass(frozen=True)
class _Row:
    """A row of the ablation: each adds a technique to those before it."""

    network: str
    epochs: int
    adds: str
    published: str
    smoothing: bool = True
    mixup: bool = True
    drop_block: bool = True
    teacher: bool = True
    evaluation: str = "imagenet"
    policy: str | None = None


_E3 = _Row("resnet50-d", 200, "mixup of type 1", "79.10, mCE 68.19", drop_block=False, teacher=False)
_E8 = _Row("resnet50-d-sk", 600, "600 epochs", "82.10, mCE 56.48")
_E10 = _Row("assemble-resnet50", 600, "filters before strides", "82.69, mCE 54.12", evaluation="imagenet_224_256")
_ROWS: Mapping[str, _Row] = {
    "e0": replace(
        _E3, network="resnet50", epochs=120, adds="nothing", published="76.87, mCE 75.55", smoothing=False, mixup=False
    ),
    "e1": replace(_E3, epochs=120, adds="ResNet-D", published="77.37, mCE 75.73", smoothing=False, mixup=False),
    "e2": replace(_E3, epochs=120, adds="smoothing 0.1", published="78.35, mCE 74.27", mixup=False),
    "e3": _E3,
    "e4": replace(_E3, network="resnet50-d-se", adds="squeeze-and-excitation", published="79.71, mCE 64.48"),
    "e5": _Row("resnet50-d-se", 270, "DropBlock", "80.40, mCE 62.64", teacher=False),
    "e6": _Row("resnet50-d-sk", 270, "selective kernels instead of SE", "81.40, mCE 58.34", teacher=False),
    "e7": replace(_E8, epochs=270, adds="a teacher (AmoebaNet-A, temperature 1)", published="81.69, mCE 57.08"),
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
}


def ablation(row: str) -> Recipe:
    """The recipe of a row of the ablation table, e0 to e12."""
    wanted, plain = _ROWS[row], vanilla()
    reads = 2 if wanted.mixup else 1
    schedule = _cosine(epochs=reads * wanted.epochs, warmup=reads * 5.0)
    return replace(
        plain,
        name=f"assembled/{row}",
        network=_network(wanted.network),
        transform=_pictures(wanted.evaluation, wanted.policy),
        loader=replace(plain.loader, batch_size=reads * 1024),
        schedule=replace(schedule, keep_prob=(1.0, 0.9) if wanted.drop_block else None),
        loss=Choice("cross-entropy", smoothing=0.1) if wanted.smoothing else Choice("cross-entropy"),
        mixing=MIXUP if wanted.mixup else None,
        distillation=TEACHER if wanted.teacher else None,
        source="Lee et al. 2020, table 7; values of assembled-cnn's scripts",
    )


def _about_row(name: str, row: _Row) -> str:
    teacher = " The teacher's logits lie with the pictures; set distillation to none without." if row.teacher else ""
    return f"""Row {name.upper()} of the ablation of Assemble-ResNet: adds {row.adds}.

    Values: {row.network}, {row.epochs} epochs of the release; the rest as assembled/vanilla, and smoothing, mixup,
    DropBlock and teacher, where the table has come to them, as assembled/assemble.{teacher}
    Script: there is none for a row but E0 and E11; a table of the paper says which techniques are on.
    Hardware: 8 GPUs (E0, E11). Published: top-1 accuracy {row.published} of 19 corruptions. Reproduced here: not
    established.
    """


_SETS = {  # epochs of the release, published top-1 with the vanilla ResNet-50 beside it
    "cars": (1000, "94.4 (89.1)"),
    "flowers": (1000, "98.9 (96.1)"),
    "aircraft": (800, "92.4 (78.8)"),
    "pets": (1300, "94.3 (92.5)"),
}


def finetune_on(images: str) -> Recipe:
    """``finetune`` with the epochs of another set, whose epochs of less than 100 steps give batch norms of 0.1."""
    return replace(finetune(_SETS[images][0], norm_momentum=0.1), name=f"assembled/finetune-{images}")


def _about_set(images: str) -> str:
    epochs, published = _SETS[images]
    return f"""Assemble-ResNet-50 fine-tuned on {images}.

    Values: {epochs} epochs of the release, lr 0.01 (a table of the authors); batch norms take 0.1 of each batch, by
    their rule max(1 - 10 / steps, 0.9); the rest as assembled/finetune, of which no script tells for this set.
    Hardware: not established. Published: top-1 accuracy {published} with the vanilla ResNet-50 beside it. Reproduced
    here: not established.
    """


@dataclass(frozen=True)
class _Search:
    """A set of the retrieval tables: lr, batch, epochs, recall at 1 with the plain ResNet-50 beside it, what is on."""

    lr: float
    batch: int
    epochs: int
    published: str
    words: str
    smoothing: float = 0.0
    policy: str | None = None


_SEARCHES = {
    "sop": _Search(
        0.008, 128, 60, "85.9 (82.9)", "an ArcFace loss of margin 0.3, which is not here: cross-entropy stands in"
    ),
    "cub": _Search(0.001, 32, 100, "80.3 (75.9)", "softmax"),
    "cars": _Search(0.01, 32, 100, "96.1 (92.9)", "softmax, smoothing, AutoAugment", smoothing=0.1, policy="imagenet"),
}


def retrieval(images: str) -> Recipe:
    """An embedding of 1536 numbers for pictures of classes that were not trained on, by the tables of the authors."""
    row = _SEARCHES[images]
    options = {} if row.policy is None else {"policy": row.policy}
    return Recipe(
        name=f"assembled/retrieval-{images}",
        network=NetworkSpec(
            backbone="assembled_resnet",
            pool=Choice("gem-fixed"),
            reduce_to=None,
            embedding=1536,
            backbone_options={"depth": 50, "resnet_d": True, "sk": True},
        ),
        transform=TransformSpec(augment=Choice("assembled-reid", **options)),
        loader=LoaderSpec(batch_size=row.batch, workers=16),
        optimizer=_sgd(lr=row.lr, weight_decay=5e-4),
        schedule=replace(_cosine(epochs=row.epochs, warmup=0.0), keep_prob=(0.9, 0.7)),
        loss=Choice("cross-entropy", smoothing=row.smoothing) if row.smoothing else Choice("cross-entropy"),
        source="Lee et al. 2020, tables 15 and 16 as a summary by one of the authors shows them; no code was released",
    )


def _about_search(images: str) -> str:
    row = _SEARCHES[images]
    return f"""ResNet-50-D with selective kernels as an embedding for retrieval, on {images}.

    Values: lr {row.lr:g}, batch {row.batch}, {row.epochs} epochs, decay 5e-4, GeM, 1536 numbers, DropBlock, {row.words}
    (tables of the authors); pictures as the release's reid protocol has them.
    Not established: the schedule of the lr (a cosine here), its warm-up, what DropBlock keeps (as in fine-tuning here),
    and all of the code: none was released. Departs: the tables' cosine softmax is a plain one here.
    Start it from the ImageNet network with --network.weights FILE, and judge it by covpool search on the other classes:
    the accuracy on its own is that of the classes it was trained on.
    Hardware: not established. Published: recall at 1 {row.published} with the plain ResNet-50 beside it. Reproduced
    here: not established.
    """


def _network(
    name: str, *, zero_gamma: bool = True, classes: int | None = 1001, norm_momentum: float | None = None
) -> NetworkSpec:
    return NetworkSpec(
        backbone=f"assembled/{name}",
        pool=Choice("avg"),
        num_classes=classes,
        norm_momentum=norm_momentum,
        backbone_options={"zero_gamma": True} if zero_gamma else {},
    )


def _pictures(evaluation: str = "imagenet", policy: str | None = None) -> TransformSpec:
    """Sizes are the protocol's: trained at 224, judged at 224 or 256."""
    augment = Choice(f"assembled-{evaluation}") if policy is None else Choice(f"assembled-{evaluation}", policy=policy)
    return TransformSpec(augment=augment)


def _sgd(*, lr: float, weight_decay: float) -> OptimizerSpec:
    return OptimizerSpec(name="momentum", lr=lr, weight_decay=weight_decay, momentum=0.9, decay_bias=True)


def _cosine(*, epochs: int, warmup: float) -> ScheduleSpec:
    return ScheduleSpec(kind="cosine", epochs=epochs, warmup_epochs=warmup, warmup_from=0.0)


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "assembled/vanilla": vanilla,
    "assembled/assemble": assemble,
    **{f"assembled/{name}": documented(_about_row(name, row), ablation, name) for name, row in _ROWS.items()},
    "assembled/finetune-vanilla": finetune_vanilla,
    "assembled/finetune": finetune,
    **{f"assembled/finetune-{images}": documented(_about_set(images), finetune_on, images) for images in _SETS},
    **{f"assembled/retrieval-{images}": documented(_about_search(images), retrieval, images) for images in _SEARCHES},
}
