"""Names of the EfficientNet-Lite0 that PyPI offers -> names of timm's ``tf_efficientnet_lite0``.

Both count the same sixteen blocks; timm counts them in seven stages. A block whose input is not expanded, the first,
has one convolution and one norm fewer, and timm numbers what is there.
"""

from __future__ import annotations

import re

from covpool.weights.rename import Rule

_BLOCKS_PER_STAGE = (1, 2, 2, 3, 3, 4, 1)  # Tan and Le, ICML 2019, table 1
_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def _block(match: re.Match[str]) -> str:
    index, part, rest = int(match["index"]), match["part"], match["rest"]
    stage, block = _place(index)
    names = _PLAIN if stage == 0 else _EXPANDED
    return f"blocks.{stage}.{block}.{names[part]}.{rest}"


def _place(index: int) -> tuple[int, int]:
    """Stage, and block within it, of the block counted through."""
    before = 0
    for stage, count in enumerate(_BLOCKS_PER_STAGE):
        if index < before + count:
            return stage, index - before
        before += count
    raise ValueError(f"EfficientNet-Lite0 has {before} blocks, none of number {index}")


RULES = (
    Rule(r"_blocks\.(?P<index>\d+)\.(?P<part>\w+)\.(?P<rest>.+)", _block),
    Rule(r"_conv_stem\.(.+)", r"conv_stem.\1"),
    Rule(r"_bn0\.(.+)", r"bn1.\1"),
    Rule(r"_conv_head\.(.+)", r"conv_head.\1"),
    Rule(r"_bn1\.(.+)", r"bn2.\1"),
    Rule(r"_fc\.(.+)", r"classifier.\1"),
)
