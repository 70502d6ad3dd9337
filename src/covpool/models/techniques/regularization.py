"""What drops parts of a network in training: squares of maps, whole branches."""

from __future__ import annotations

import logging

from timm.layers import DropPath
from torch import nn

from covpool.models.architectures.assembled.drop_block import BLOCK_SIZE, DropBlock
from covpool.models.techniques.body import NORMS, Body
from covpool.models.techniques.selective_kernel import SelectiveConvolution
from covpool.models.techniques.tracing import Node

logger = logging.getLogger("covpool")
_STEPS = 40  # nodes that a branch is followed back for; a norm that ends it is a few away
_ENDS = ("conv2d", "conv1d", "linear", "cat", "add", "add_", "__add__", "__iadd__", "scaled_dot_product_attention")
SCALES = (1.0, 0.25)  # of the seed rate, of the last stage and of the one before; nets/resnet_model.py of Assemble


def drop_block(body: Body, *, keep_prob: float = 0.9, block: int = BLOCK_SIZE, clamp: bool = True) -> None:
    """Drop squares of the maps of the last two stages, behind each of their norms (see ``DropBlock``).

    In a ResNet these are the four places of Assemble-ResNet: the shortcut's norm and the three of the branch. Where
    no norm gives a map (B, C, H, W), the ends of the residual branches are taken, and of a network without residual
    blocks its convolutions.

    Args:
        body: whose two coarsest resolutions are changed, the last with the full seed rate, the other with 0.25 of it.
        keep_prob: probability that a position is kept; 0.9 as Assemble-ResNet ends with. ``schedule.keep_prob`` of a
            recipe, or ``network.set_keep_prob``, changes it along the training.
        block: side of the squares; 7 as published.
        clamp: on maps smaller than the block the square is the map; False: such maps are an error in training, as in
            Assemble-ResNet.

    Raises:
        ValueError: no probability, or a block below 1.
    """
    if block < 1:
        raise ValueError(f"block needs a side of 1 or more pixels; got {block}")
    if any(isinstance(part, DropBlock) for part in body.backbone.modules()):
        raise ValueError("was asked for twice: the backbone has DropBlock already; set its keep_prob instead")
    heights = body.graph.heights()[::-1][: len(SCALES)]
    scales = dict(zip(heights, SCALES, strict=False))
    finders = (_block_norms, _branches, _norms, _convolutions)
    found = ({slot: scales[at] for slot, at in find(body).items() if at in scales} for find in finders)
    places = next(filter(None, found), {})
    if not places:
        raise body.refuse("norms, residual branches or convolutions that give maps (B, C, H, W)", "Try drop-path")
    for slot, scale in places.items():
        body.after(slot, DropBlock(scale, keep_prob, block, clamp=clamp))


def _norm_nodes(body: Body) -> list[Node]:
    return [node for node in body.graph.maps() if node.name in NORMS and _once(body, node)]


def _block_norms(body: Body) -> dict[str, int]:
    """Norms in residual blocks on maps, with the height of what their block gives."""
    blocks = {f"{each.block}.": each.sum.shape[2] for each in body.residuals if each.branch.is_map}
    found = {}
    for node in _norm_nodes(body):
        height = next((height for block, height in blocks.items() if node.owner.startswith(block)), None)
        parent = node.owner.rpartition(".")[0]
        if height is not None:
            selects = isinstance(body.module(parent), SelectiveConvolution)  # dropped behind the gate
            found[parent if selects else node.owner] = height
    return found


def _norms(body: Body) -> dict[str, int]:
    """Norms behind a convolution, with the height of their map."""
    return {node.owner: node.shape[2] for node in _norm_nodes(body) if node.parents[0].name == "conv2d"}


def _branches(body: Body) -> dict[str, int]:
    """Ends of residual branches on maps, with the height of their sum."""
    slots = {body.slot(each.branch, each.block): each.sum.shape[2] for each in body.residuals if each.branch.is_map}
    return {slot: height for slot, height in slots.items() if slot is not None}


def _convolutions(body: Body) -> dict[str, int]:
    """Convolutions of a network without residual blocks, with the height of their map."""
    nodes = [node for node in body.graph.maps() if node.name == "conv2d" and not body.residuals]
    return {node.owner: node.shape[2] for node in nodes if _once(body, node)}


def _once(body: Body, node: Node) -> bool:
    return min(node.shape[2:]) > 1 and body.graph.calls[node.owner] == 1


def drop_path(body: Body, *, rate: float = 0.1) -> None:
    """Drop whole residual branches of single images in training, deeper ones more often (stochastic depth).

    Args:
        body: whose residual branches, on maps or tokens, are dropped.
        rate: probability in the last block, with a straight line up from 0 in the first. Stochastic depth that is
            there already (timm gives some families a rate) takes these rates.

    Raises:
        ValueError: a rate outside (0, 1).
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate needs a probability above 0 and below 1; got {rate}")
    blocks = list(dict.fromkeys(each.block for each in body.residuals))
    rates = {block: rate * index / max(1, len(blocks) - 1) for index, block in enumerate(blocks)}
    places = {each.branch: each.block for each in body.residuals if body.slot(each.branch, each.block)}
    if not places:
        raise body.refuse("residual blocks, whose branch can be left out", "Plain and dense networks have none")
    for branch, block in ((branch, block) for branch, block in places.items() if rates[block]):
        there = [module for path in branch.made_by if isinstance(module := body.module(path), DropPath)]
        if there:
            there[-1].drop_prob = rates[block]
        else:
            body.after(str(body.slot(branch, block)), DropPath(rates[block]))


def _last_norm(body: Body, node: Node) -> str | None:
    """The norm with a scale that ends the branch which made ``node``; None where a convolution or a sum ends it."""
    for _ in range(_STEPS):
        if node.name in (*NORMS, "layer_norm", "rms_norm"):
            return node.owner if body.graph.calls[node.owner] == 1 else None
        if not node.parents or node.name in _ENDS:
            return None
        node = node.parents[0]
    return None


def zero_gamma(body: Body) -> None:
    """Start the scale of the last norm of each residual branch at 0, so that each block starts as its shortcut.

    Args:
        body: whose residual branches end in a norm, perhaps with a gate or a scale behind it.
    """
    paths = {path for each in body.residuals if (path := _last_norm(body, each.branch))}
    norms = [norm for norm in map(body.module, sorted(paths)) if getattr(norm, "weight", None) is not None]
    if not norms:
        raise body.refuse(
            "residual branches that end in a norm", "Blocks that normalise first end in a convolution or linear layer"
        )
    if not any(norm.weight.is_meta or norm.weight.any() for norm in norms):  # type: ignore[operator]
        logger.warning("zero-gamma changes nothing: the norms that end %s's branches start at 0 already", body.name)
    for norm in norms:
        nn.init.zeros_(norm.weight)  # type: ignore[arg-type]
