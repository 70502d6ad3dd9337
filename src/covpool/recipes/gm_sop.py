"""Recipes of GM-SOP: Wang et al., NeurIPS 2018, released as ZilinGao/GM-SOP for MatConvNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.documented import documented
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec


@dataclass(frozen=True)
class _Row:
    """A network of the release's table; an lr is divided by 10 at each milestone."""

    pool: str
    batch: int
    lr: float
    epochs: int
    milestones: tuple[int, ...]
    published: str
    note: str = ""


_ROWS: Mapping[str, _Row] = {  # meta of the init scripts
    "resnet18": _Row("avg", 256, 0.075, 75, (50, 65), "52.17/27.09"),
    "resnet18-sr-sop": _Row(
        "sr-sop", 256, 0.15, 60, (40, 50, 55), "40.56/19.08", "A comment there notes 41.0 for an lr of 0.1."
    ),
    "resnet18-gm-gap": _Row("gm-gap", 256, 0.075, 75, (50, 65), "42.25/19.46"),
    "resnet18-gm-sop": _Row("gm-sop", 256, 0.1, 60, (40, 50, 55), "38.48/17.38"),
    "wrn36-gm-gap": _Row("gm-gap", 150, 0.1, 40, (20, 30), "35.98/14.62"),
    "wrn36-gm-sop": _Row(
        "gm-sop",
        150,
        0.09,
        40,
        (20, 30, 35),
        "32.71/12.44",
        "Dropout 0.4; 0.2 in the other gated mixtures. The README's 15.7 M parameters do not come out of the script.",
    ),
}


def gm_sop(network: str) -> Recipe:
    """The recipe of a network of the release, by its name without the stem.

    Gated mixtures add the balance loss: 100 (std/mean)^2 of the gate's sums, to the *sum* of the cross-entropies,
    of which every gradient is divided by the batch: (100 / B) beside a mean loss.
    """
    row = _ROWS[network]
    return Recipe(
        name=f"gm_sop/{network}",
        network=NetworkSpec(backbone=f"gm_sop/{network}", pool=Choice(row.pool), norm_momentum=0.3),
        transform=TransformSpec(image_size=64, augment=Choice("gm_sop-64")),
        loader=LoaderSpec(batch_size=row.batch, workers=4),
        optimizer=OptimizerSpec(
            name="momentum",
            lr=row.lr,
            weight_decay=1e-4,
            momentum=0.9,
            decay_norm_and_bias=True,
            no_decay=("backbone.conv1.weight",),  # 1e-4 / 3600 there: its lr multiplier is 1 / 3600
        ),
        schedule=ScheduleSpec(kind="step", epochs=row.epochs, milestones=row.milestones, each="epoch"),
        auxiliary=Choice("balance", strength=100.0) if row.pool.startswith("gm-") else None,
        source="GM-SOP (MatConvNet), examples/GM: init scripts and cnn_train_GM_dag.m; Wang et al., NeurIPS 2018",
    )


def _about(network: str, row: _Row) -> str:
    gated = " Balance loss of strength 100." if row.pool.startswith("gm-") else ""
    return f"""{network} of GM-SOP on downsampled ImageNet (64 by 64) from scratch.

    Values: batch {row.batch}, {row.epochs} epochs, lr {row.lr:g} divided by 10 at epochs {row.milestones} (meta of the
    init script); SGD with momentum 0.9, weight decay 1e-4 on everything but the filters of the first convolution, flip,
    the mean taken away, nothing divided.
    Batch norms take 0.3 of each batch.{gated} {row.note}
    Script: the paper's batch is 256 throughout, the README says. The release keeps a running *deviation* of each
    norm, here a variance. Its first convolution is divided by 60 and learns 3600 times slower, which a batch norm
    after it makes the same as here, but for its decay, 3600 times weaker there and none here. Its gate learns rightly
    on one GPU with undivided batches only: that is what stands here.
    Hardware: not established. Published: top-1/top-5 error {row.published} (README). Reproduced here: not established.
    """


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    f"gm_sop/{network}": documented(_about(network, row), gm_sop, network) for network, row in _ROWS.items()
}
