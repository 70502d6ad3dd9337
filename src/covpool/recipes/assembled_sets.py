"""Recipes of Assemble-ResNet on other sets: fine-tuning and retrieval. Lee et al. 2020 (arXiv 2001.06268).

As in ``assembled``, the recipes with mixup of type 1 have twice the batch and twice the epochs of the release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from covpool.recipes.assembled import MIXUP, cosine, network_of, pictures, sgd
from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.documented import documented
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, TransformSpec


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
        network=network_of("resnet50", zero_gamma=False, classes=None, norm_momentum=1 - 0.966),
        transform=pictures(),
        loader=LoaderSpec(batch_size=256, workers=16),
        optimizer=sgd(lr=0.01, weight_decay=1e-3),
        schedule=cosine(epochs=100, warmup=5.0),
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
        network=network_of("assemble-resnet50", zero_gamma=False, classes=None, norm_momentum=norm_momentum),
        transform=pictures(policy="good"),
        loader=replace(plain.loader, batch_size=2 * 256),
        schedule=replace(cosine(epochs=2 * epochs, warmup=2 * 5.0), keep_prob=(0.9, 0.7)),
        loss=Choice("cross-entropy", smoothing=0.1),
        mixing=MIXUP,
        source="assembled-cnn, scripts/finetuning_assemble_food101; Lee et al. 2020",
    )


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
        optimizer=sgd(lr=row.lr, weight_decay=5e-4),
        schedule=replace(cosine(epochs=row.epochs, warmup=0.0), keep_prob=(0.9, 0.7)),
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


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "assembled/finetune-vanilla": finetune_vanilla,
    "assembled/finetune": finetune,
    **{f"assembled/finetune-{images}": documented(_about_set(images), finetune_on, images) for images in _SETS},
    **{f"assembled/retrieval-{images}": documented(_about_search(images), retrieval, images) for images in _SEARCHES},
}
