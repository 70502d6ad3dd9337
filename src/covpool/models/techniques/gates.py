"""Channel gates at the end of each residual block: squeeze-and-excitation, efficient channel attention."""

from __future__ import annotations

from collections.abc import Callable

from timm.layers import CecaModule, EcaModule, EffectiveSEModule, GatherExcite, GlobalContext, SEModule
from timm.layers.cbam import CbamModule, LightCbamModule
from timm.layers.squeeze_excite import SqueezeExciteCl
from timm.models._efficientnet_blocks import SqueezeExcite as MobileGate
from timm.models.hgnet import EseModule
from timm.models.senet import SEModule as LegacyGate
from torch import nn

from covpool.models.architectures.assembled.attention import SE_RATIO, SqueezeExcitation
from covpool.models.techniques.body import Body

GATES = (
    CbamModule,
    CecaModule,
    EcaModule,
    EffectiveSEModule,
    EseModule,
    GatherExcite,
    GlobalContext,
    LegacyGate,
    LightCbamModule,
    MobileGate,
    SEModule,
    SqueezeExcitation,
    SqueezeExciteCl,
)


def squeeze_excite(body: Body, *, ratio: int = SE_RATIO) -> None:
    """A sigmoid of all channel means scales each channel, :math:`y = x\\,\\sigma(W_2\\,\\mathrm{ReLU}(W_1 \\bar x))`.

    Args:
        body: whose residual branches get a gate before the sum; of a network without them, each stage.
        ratio: the gate is C // ratio wide; 16 as published.

    Raises:
        ValueError: a ratio below 1.
    """
    if ratio < 1:
        raise ValueError(f"ratio needs a whole number above 0; got {ratio}")
    _gate(body, lambda channels: SEModule(channels, rd_channels=max(1, channels // ratio), bias=False))


def efficient_channel_attention(body: Body, *, kernel: int | None = None) -> None:
    """A sigmoid of a convolution along the channel means scales each channel, :math:`y = x\\,\\sigma(w * \\bar x)`.

    Args:
        body: as for ``squeeze_excite``.
        kernel: channels that a scale depends on, odd; None (default): the odd number next to
            :math:`\\log_2(C) / 2 + 1 / 2`, as published.

    Raises:
        ValueError: a kernel that is even or below 1.
    """
    if kernel is not None and (kernel < 1 or kernel % 2 == 0):
        raise ValueError(f"kernel needs an odd number, or none for the published rule; got {kernel}")
    _gate(body, lambda channels: EcaModule(channels) if kernel is None else EcaModule(kernel_size=kernel))


def _gate(body: Body, build: Callable[[int], nn.Module]) -> None:
    places = _branch_ends(body) if body.residuals else _stage_ends(body)
    if not places and has_gate(body.backbone):
        raise body.refuse("residual blocks or stages without a channel gate", "Its own gates stay as they are")
    if not places:
        raise body.refuse(
            "residual blocks or stages that give maps (B, C, H, W)",
            "Blocks on tokens, or with the channels last, weigh their channels by attention",
        )
    for path, channels in places.items():
        body.after(path, build(channels))


def _branch_ends(body: Body) -> dict[str, int]:
    """Where each block's last branch on maps ends, with its channels, in blocks that have no gate."""
    last = {each.block: each.branch for each in body.residuals if each.branch.is_map}
    ungated = {block: node for block, node in last.items() if not has_gate(body.module(block))}
    slots = {body.slot(node, block): node.shape[1] for block, node in ungated.items()}
    return {slot: channels for slot, channels in slots.items() if slot is not None}


def _stage_ends(body: Body) -> dict[str, int]:
    """The last module of each resolution, with its channels."""
    if has_gate(body.backbone):
        return {}
    found: dict[int, tuple[str, int]] = {}
    heights = body.graph.heights()
    for node in body.graph.maps():
        slot = body.slot(node, "", innermost=True) if node.name != "input" and node.shape[2] in heights else None
        if slot is not None:
            found[node.shape[2]] = slot, node.shape[1]
    return dict(found.values())


def has_gate(module: nn.Module) -> bool:
    """Whether a channel gate is in it."""
    return any(isinstance(part, GATES) for part in module.modules())
