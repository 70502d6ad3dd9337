"""The assembled backbone: ResNet v1.5 or Big-Little, with each tweak on its own switch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from covpool.models.architectures.assembled import shortcut as shortcuts
from covpool.models.architectures.assembled.big_little import BigLittleStage
from covpool.models.architectures.assembled.bottleneck import EXPANSION, Tweaks, chain
from covpool.models.architectures.assembled.drop_block import DropBlock, check_keep_prob
from covpool.models.architectures.assembled.initial import initialize
from covpool.models.architectures.assembled.layers import SameMaxPool
from covpool.models.architectures.assembled.stem import STEM_WIDTH, BigLittleStem, deep_stem, plain_stem

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3)}
BIG_LITTLE_DEPTHS = {50: (3, 4, 6, 3), 101: (4, 8, 18, 3), 152: (5, 12, 30, 3)}  # functions/model_fns.py:116-128
DROP_SCALES = (None, None, 0.25, 1.0)  # of DropBlock's seed rate, a stage
ANTI_ALIAS = ("sconv", "proj")
CHANNEL_MEANS = (123.68, 116.78, 103.94)  # RGB; the mean is taken away and nothing divided


class AssembledResNet(nn.Module):
    """Stem, pool, four stages. Build one with ``assembled_resnet``.

    Shape: (B, in_chans, H, W) -> (B, 2048, H / 32, W / 32), H / 16 without the last downsampling. Images are RGB of
    0 to 255 less ``CHANNEL_MEANS``, which is what ``pretrained_cfg`` says of images of 0 to 1.
    """

    def __init__(
        self, stem: nn.Module, stem_pool: nn.Module, stages: Sequence[nn.Module], strides: Sequence[int], in_chans: int
    ) -> None:
        super().__init__()
        self.stem = stem
        self.stem_pool = stem_pool
        self.stage1, self.stage2, self.stage3, self.stage4 = stages
        self.in_chans = in_chans
        self.num_classes = 0
        self.num_features = self.head_hidden_size = 8 * EXPANSION * STEM_WIDTH
        widths = [STEM_WIDTH, *(EXPANSION * STEM_WIDTH * 2**i for i in range(4))]
        modules = ("stem_pool", "stage1", "stage2", "stage3", "stage4")
        self.feature_info = [
            {"num_chs": width, "reduction": reduction, "module": module}
            for width, reduction, module in zip(widths, _reductions(strides), modules, strict=True)
        ]
        self.pretrained_cfg = _config(in_chans)
        self.default_cfg = self.pretrained_cfg
        self.grad_checkpointing = False

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> the map of the last stage."""
        return self.forward_intermediates(x, [-1])[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_features(x)

    def forward_intermediates(self, x: Tensor, indices: list[int]) -> list[Tensor]:
        """The maps after the parts of ``feature_info`` with these indices, in the order of the network."""
        wanted = {index % len(self.feature_info) for index in indices}
        x = self.stem_pool(self.stem(x))
        maps = [x] if 0 in wanted else []
        stages = (self.stage1, self.stage2, self.stage3, self.stage4)[: max(wanted)]
        for index, stage in enumerate(stages, start=1):
            x = checkpoint(stage, x, use_reentrant=False) if self._recomputes() else stage(x)
            if index in wanted:
                maps.append(x)
        return maps

    def _recomputes(self) -> bool:
        return self.grad_checkpointing and self.training

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep the maps between stages only, and compute the rest again in the backward pass."""
        self.grad_checkpointing = enable

    def keep_last_resolution(self) -> None:
        """Take the stride out of the last stage, which makes it that of ``no_downsample=True``."""
        strided: list[Any] = [part for part in self.stage4.get_submodule("0").modules() if hasattr(part, "stride")]
        for part in strided:
            part.stride = (1, 1) if isinstance(part, nn.Conv2d) else 1
        self.feature_info[-1]["reduction"] = self.feature_info[-2]["reduction"]

    def set_keep_prob(self, keep_prob: float) -> None:
        """What DropBlock keeps from now on, in all its places; a schedule calls this at each step.

        Raises:
            ValueError: no probability above 0.
        """
        check_keep_prob(keep_prob)
        for module in self.modules():
            if isinstance(module, DropBlock):
                module.keep_prob = keep_prob

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Layers for layer-wise learning rates: the stem, then one a stage."""
        return {"stem": r"^stem", "blocks": r"^stage(\d+)"}


def assembled_resnet(
    *,
    depth: int = 50,
    resnet_d: bool = False,
    sk: bool = False,
    se: bool = False,
    anti_alias: Sequence[str] = (),
    blur_size: int = 3,
    big_little: Sequence[int] | None = None,
    no_downsample: bool = False,
    keep_prob: float = 1.0,
    zero_gamma: bool = False,
    in_chans: int = 3,
) -> AssembledResNet:
    """A ResNet v1.5 in which each technique of Assemble-ResNet is a switch; the defaults are the vanilla network.

    Source: Lee et al. 2020, arXiv 2001.06268; flags of the release in nets/hparams_config.py.

    Args:
        depth: 50, 101, 152, and without Big-Little 200.
        resnet_d: deep stem, and shortcuts that average 2x2; with Big-Little only the stem and the last stage change,
            which the release warns against.
        sk: selective kernel in every block.
        se: squeeze-and-excitation in every block.
        anti_alias: where a filter stands before the stride: ``"sconv"`` (behind the 3x3 convolution) and ``"proj"`` (in
            the plain shortcut; ResNet-D and Big-Little have their averages there).
        blur_size: pixels of that filter, 2 to 7.
        big_little: (alpha, beta), by which the little branch is narrower and shallower; (2, 4) for Assemble-ResNet-50,
            (1, 2) for 152. None (default): a plain ResNet.
        no_downsample: the last stage keeps the resolution of the one before.
        keep_prob: of DropBlock in the last two stages, in training; 1 (default) drops nothing. Change it with
            ``set_keep_prob``.
        zero_gamma: the last batch norm of each block starts at 0; the release's scripts set it from scratch.
        in_chans: channels of the images.

    Raises:
        ValueError: a depth, filter, place or keep_prob that there is not.

    Example:
        >>> import torch
        >>> with torch.device("meta"):  # no memory, shapes only
        ...     backbone = assembled_resnet(sk=True, anti_alias=["sconv"], big_little=(2, 4))
        ...     backbone.eval()(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 2048, 2, 2])
    """
    counts = _depths(depth, big_little)
    places = _places(anti_alias)
    blur = blur_size if "sconv" in places else None
    blocks = [Tweaks(sk=sk, se=se, blur=blur, drop_scale=scale, keep_prob=keep_prob) for scale in DROP_SCALES]
    projection = shortcuts.blurred(blur_size) if "proj" in places else shortcuts.plain
    strides = ((1, 2, 2) if big_little is None else (2, 2, 1)) + (1 if no_downsample else 2,)
    stem = deep_stem(in_chans) if resnet_d else plain_stem(in_chans)
    if big_little is None:
        pool: nn.Module = SameMaxPool()
        stages = _plain_stages(counts, strides, shortcuts.resnet_d if resnet_d else projection, blocks)
    else:
        pool = BigLittleStem(big_little[0])
        last = shortcuts.resnet_d if resnet_d else shortcuts.big_little
        stages = _big_little_stages(counts, strides, last, blocks, big_little)
    network = AssembledResNet(stem, pool, stages, strides, in_chans)
    initialize(network, zero_gamma=zero_gamma)
    return network


def _plain_stages(
    counts: Sequence[int], strides: Sequence[int], shortcut: shortcuts.Shortcut, blocks: Sequence[Tweaks]
) -> list[nn.Module]:
    return [_stage(index, counts, strides, shortcut, blocks) for index in range(4)]


def _big_little_stages(
    counts: Sequence[int],
    strides: Sequence[int],
    last: shortcuts.Shortcut,
    blocks: Sequence[Tweaks],
    big_little: Sequence[int],
) -> list[nn.Module]:
    alpha, beta = big_little
    branched = [
        BigLittleStage(_in_features(i), _width(i), counts[i], strides[i], alpha=alpha, beta=beta, tweaks=blocks[i])
        for i in range(3)
    ]
    return [*branched, _stage(3, counts, strides, last, blocks)]


def _stage(
    i: int, counts: Sequence[int], strides: Sequence[int], shortcut: shortcuts.Shortcut, blocks: Sequence[Tweaks]
) -> nn.Sequential:
    return chain(_in_features(i), _width(i), counts[i], strides[i], tweaks=blocks[i], shortcut=shortcut)


def _width(stage: int) -> int:
    return STEM_WIDTH * 2**stage


def _in_features(stage: int) -> int:
    return STEM_WIDTH if stage == 0 else EXPANSION * _width(stage - 1)


def _reductions(strides: Sequence[int]) -> list[int]:
    """Pixels of the image to one of the map, after the stem and its pool and after each stage."""
    reductions = [4]
    for stride in strides:
        reductions.append(reductions[-1] * stride)
    return reductions


def _depths(depth: int, big_little: Sequence[int] | None) -> tuple[int, ...]:
    table = DEPTHS if big_little is None else BIG_LITTLE_DEPTHS
    if depth not in table:
        kind = "an assembled ResNet" if big_little is None else "a Big-Little ResNet"
        raise ValueError(f"the depth of {kind} is one of {', '.join(map(str, table))}; got {depth}")
    if big_little is not None and (len(big_little) != 2 or min(big_little) < 1):
        raise ValueError(f"big_little is (alpha, beta), two whole numbers above 0; got {tuple(big_little)}")
    return table[depth]


def _places(anti_alias: Sequence[str]) -> Sequence[str]:
    strange = [place for place in anti_alias if place not in ANTI_ALIAS]
    if isinstance(anti_alias, str) or strange:
        raise ValueError(
            f"anti_alias is a list of places among {', '.join(ANTI_ALIAS)}; got {anti_alias!r}. "
            "('max', which the release's help offers, is read by none of its code)"
        )
    return anti_alias


def _config(in_chans: int) -> dict[str, Any]:
    return {
        "architecture": "assembled-resnet",
        "input_size": (in_chans, 224, 224),
        "mean": tuple(mean / 255 for mean in CHANNEL_MEANS) if in_chans == 3 else (0.5,) * in_chans,
        "std": (1 / 255,) * in_chans,
        "crop_pct": 0.875,
        "interpolation": "bilinear",
        "num_classes": 0,
        "first_conv": "stem.conv1",
        "classifier": None,
    }
