"""What two processes do in tests; importable by name, as processes need it."""

import os
from dataclasses import replace

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.distributed.device_mesh import DeviceMesh

from covpool.functional import balance_loss
from covpool.recipes import Choice, LoaderSpec, OptimizerSpec, ScheduleSpec
from covpool.training.distributed import Ranks, synchronize_batch_norms
from covpool.training.distributed.sharding import OPTIMIZERS, shard, whole
from covpool.training.parts.optimizer import build_optimizer, set_lr
from tiny_runs import tiny_recipe

ROWS = (3, 2)


def steady_recipe():
    """All of the loop, and nothing random inside the network: batches of 4, the last one not full, in groups of 3."""
    recipe = tiny_recipe()
    return replace(
        recipe,
        network=replace(recipe.network, drop_rate=0.0),
        loader=LoaderSpec(batch_size=6, workers=0),
        optimizer=OptimizerSpec(name="momentum", lr=0.02, accumulate=3, clip_grad_norm=1.0),
        schedule=ScheduleSpec(epochs=2, head_epochs=1),
        loss=Choice("cross-entropy", smoothing=0.1),
    )


def gated_recipe():
    """A gate that draws noise and ties, and a balance loss over the whole batch, small enough to be quick."""
    recipe = steady_recipe()
    pool = Choice("gm-sop", reduce_to=8, candidates=4, active=2)
    return replace(
        recipe, network=replace(recipe.network, pool=pool), auxiliary=Choice("balance", strength=10.0), ema=None
    )


def too_fast():
    """Steps so long that the loss stops being a number."""
    recipe = steady_recipe()
    optimizer = OptimizerSpec(name="momentum", lr=1e30)
    return replace(recipe, optimizer=optimizer, schedule=ScheduleSpec(epochs=5), checkpoint_every_steps=1)


def normed():
    """A norm of each of two kinds, the second with uneven weights, in float64."""
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3))
    nn.init.normal_(network[1].weight)
    return network.double().train()


def pictures():
    return torch.randn(sum(ROWS), 2, 4, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def loss_of(network, images, labels, gather):
    logits = network(images)
    return F.cross_entropy(logits, labels) + balance_loss(gather(logits.softmax(1)), strength=7.0)


def parts(folder, listen):
    """One step of a network with norms and a balance loss, on this process's rows; what came of it into a file."""
    dist.init_process_group("gloo")
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    begin = sum(ROWS[: ranks.rank])
    own = slice(begin, begin + ROWS[ranks.rank])
    network = normed()
    synchronize_batch_norms(network)
    labels = torch.arange(sum(ROWS)) % 3
    share = ranks.size * ROWS[ranks.rank] / ranks.align(ROWS[ranks.rank], 1)
    (loss_of(network, pictures()[own], labels[own], ranks.rows) * share).backward()
    for parameter in network.parameters():
        dist.all_reduce(parameter.grad)
        parameter.grad /= ranks.size
    told = {"state": network.state_dict(), "grads": [p.grad for p in network.parameters()]}
    told |= {
        "each": ranks.each(ranks.rank, 7),
        "share": ranks.share(f"of {ranks.rank}"),
        "all": ranks.gather(os.getpid()),
    }
    torch.save(told, f"{folder}/{ranks.rank}.pt")
    dist.destroy_process_group()


def small():
    """Chains as a backbone and a classifier have them; five outputs, which two processes cannot share evenly."""
    torch.manual_seed(4)
    network = nn.Module()
    network.backbone = nn.ModuleDict({"layers": nn.Sequential(nn.Linear(6, 7), nn.Sequential(nn.LayerNorm(7)))})
    network.head = nn.ModuleDict({"classifier": nn.Linear(7, 5)})
    network.forward = lambda x: network.head.classifier(network.backbone.layers(x).tanh())
    return network


def stepped(network, parameters, name):
    """Three steps with that optimizer and clipped gradients, on pictures that all processes have."""
    optimizer = build_optimizer(network, OptimizerSpec(name=name, lr=0.05, weight_decay=0.1))
    inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(6))
    for _ in range(3):
        F.cross_entropy(network(inputs) * 30, torch.arange(8) % 5).backward()
        nn.utils.clip_grad_norm_(parameters(), 0.5)
        set_lr(optimizer, 0.05)
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


def shared_steps(folder, listen):
    """Each optimizer on a network that is shared out, and what came of it into a file."""
    dist.init_process_group("gloo")
    mesh = DeviceMesh.from_group(dist.group.WORLD, "cpu")
    told = {}
    for name in OPTIMIZERS:
        network = shard(small(), mesh)
        optimizer = stepped(network, network.parameters, name)
        told[name] = whole({"weights": network.state_dict(), "optimizer": optimizer.state_dict()})
    if dist.get_rank() == 0:
        torch.save(told, f"{folder}/told.pt")
    dist.destroy_process_group()
