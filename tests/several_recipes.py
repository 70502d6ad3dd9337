"""Recipes that processes train one after the other, so that they start and meet once; importable by name."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments import TorchElasticEnvironment

from covpool.data import ImageSource
from covpool.models import create_network, save_network
from covpool.recipes import Choice, LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, ScheduleSpec, TransformSpec
from covpool.training import train
from covpool.training.distributed.meeting import meet
from tiny_runs import CLASSES, picture_set

BATCH = 12  # what one, two, three and four processes can share


def plain_recipe(**fields):
    """Nothing random inside the network, two epochs."""
    given = {
        "network": NetworkSpec(backbone="conv4", pool=Choice("isqrt", reduce_to=8)),
        "transform": TransformSpec(image_size=12, augment=Choice("shift", flip=0.5)),
        "loader": LoaderSpec(batch_size=BATCH, workers=0),
        "optimizer": OptimizerSpec(name="momentum", lr=0.02, clip_grad_norm=1.0),
        "schedule": ScheduleSpec(epochs=2),
    }
    return Recipe(name="test", **given | fields)


def network(**fields):
    return plain_recipe(network=replace(plain_recipe().network, **fields))


def larger(recipe):
    return replace(recipe, transform=replace(recipe.transform, image_size=64))


def schedule(**fields):
    return ScheduleSpec(**{"epochs": 2} | fields)


def loader(**fields):
    return LoaderSpec(batch_size=BATCH, workers=0, **fields)


SAME = {  # what has the numbers of one process
    "plain": plain_recipe(),
    "moving average": plain_recipe(ema=0.9),
    "equal average": plain_recipe(swa_epochs=2),
    "frozen statistics": network(batch_norm="frozen-statistics"),
    "frozen norms": network(batch_norm="frozen"),
    "maps computed again": larger(network(backbone="test_resnet", grad_checkpointing=True)),
    "a transformer's maps computed again": larger(
        network(backbone="test_vit", grad_checkpointing=True, backbone_options={"img_size": 64})
    ),
    "uneven groups": plain_recipe(optimizer=OptimizerSpec(name="momentum", lr=0.02, accumulate=3)),
    "smoothed labels": plain_recipe(loss=Choice("cross-entropy", smoothing=0.2)),
    "binary": plain_recipe(loss=Choice("bce", smoothing=0.1, threshold=0.2)),
    "focal": plain_recipe(loss=Choice("focal")),
    "anchor": plain_recipe(loss=Choice("anchor")),
    "sigmoid": plain_recipe(loss=Choice("sigmoid")),
    "pairs": plain_recipe(loader=loader(sampling="pairs"), auxiliary=Choice("n-pair", weight=0.1)),
    "two stages": plain_recipe(loader=loader(head_batch_size=24), schedule=schedule(head_epochs=1)),
    "head alone": plain_recipe(schedule=schedule(freeze_backbone=True)),
    "growing pictures": plain_recipe(schedule=schedule(image_sizes=((0, 12), (1, 16)))),
    "balanced classes": plain_recipe(loader=loader(sampling="balanced")),
    "classes by their root": plain_recipe(loader=loader(sampling="square-root")),
    "teacher": plain_recipe(distillation=Choice("teacher", weights="TEACHER", temperature=2.0)),
    "stored teacher": plain_recipe(distillation=Choice("stored-logits", temperature=2.0)),
}
OWN = {  # each process draws for its own pictures
    "mixup": plain_recipe(mixing=Choice("mixup")),
    "mixup by halves": plain_recipe(mixing=Choice("mixup-type1")),
    "cutmix": plain_recipe(mixing=Choice("cutmix")),
    "mixed with a teacher": plain_recipe(mixing=Choice("mixup-cutmix"), distillation=Choice("stored-logits")),
}
IN_BF16 = {
    f"{name} in bfloat16": replace(SAME[name], precision="bf16-mixed")
    for name in ("plain", "moving average", "equal average", "frozen norms", "maps computed again", "teacher")
}
RECIPES = SAME | OWN | IN_BF16


def pictures(count=44, val=18):
    """As many as asked for, with a teacher's logits."""
    train_set, val_set = picture_set(count, 1, "train"), picture_set(val, 2, "val")
    logits = np.random.default_rng(7).normal(size=(count, len(CLASSES))).astype(np.float32)
    return ImageSource("shapes", train_set.with_teacher_logits(logits), val_set, None, CLASSES, "shapes in memory")


def with_teacher(recipe, folder):
    """The recipe with a teacher's file in ``folder``, where it asks for one."""
    if recipe.distillation is None or recipe.distillation.name != "teacher":
        return recipe
    options = recipe.distillation.options | {"weights": str(Path(folder) / "teacher.safetensors")}
    return replace(recipe, distillation=Choice("teacher", **options))


def write_teacher(folder):
    torch.manual_seed(8)
    save_network(create_network("conv4", "avg", len(CLASSES)), Path(folder) / "teacher.safetensors")


def train_each(names, folder, strategy="ddp", resume=False, sets=(44, 18), stop=None, listen=None):
    """The recipes of those names, each into a folder of its name; of several processes in one group.

    Args:
        sets: numbers of pictures.
        stop: the step behind which each is interrupted.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if several:
        meet(TorchElasticEnvironment(), "cpu")
    given = {"images": pictures(*sets), "device": "cpu", "log_every": 1, "log": (), "strategy": strategy}
    for name in names:
        recipe = None if resume else with_teacher(RECIPES[name], folder)
        train(recipe, Path(folder) / name, resume=resume, listen=stop_at(stop), **given)
    if several:
        dist.destroy_process_group()


def stop_at(step):
    """Ctrl-C behind that step."""

    def listen(event):
        if event["event"] == "step" and event["step"] == step:
            raise KeyboardInterrupt

    return listen
