"""Big-Little: the inner blocks of a stage at half resolution, beside a narrow branch at full."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from covpool.models.architectures.assembled.bottleneck import EXPANSION, Tweaks, chain
from covpool.models.architectures.assembled.layers import convolution, norm
from covpool.models.architectures.assembled.shortcut import big_little as shortcut
from covpool.models.techniques.body import Body


class BigLittle(nn.Module):
    """Blocks on the halved map, doubled back by repetition, plus a narrow chain of bottlenecks on the map itself.

    Source: Chen et al. ICLR 2019. Departs: there the stage's first block halves the map; here it has done what it
    does, and the blocks after it that keep the size see an averaged map, so that any blocks will do.

    Shape: (B, C, H, W) -> the same; odd sides too.

    Args:
        blocks: the big branch, which keeps the size of a map.
        features: C.
        alpha: the little branch is C / (4 alpha) wide.
        depth: its blocks.
        relu: a ReLU follows the sum, as in networks whose blocks end in one.
    """

    def __init__(self, blocks: Sequence[nn.Module], features: int, *, alpha: int, depth: int, relu: bool) -> None:
        super().__init__()
        narrow = max(1, features // (EXPANSION * alpha))
        self.big = nn.Sequential(*blocks)
        self.little = chain(features, narrow, depth, 1, tweaks=Tweaks(), shortcut=shortcut)
        self.expand = convolution(EXPANSION * narrow, features, 1)
        self.expand_bn = norm(features)
        self.act = nn.ReLU() if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        halved = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
        big = F.interpolate(self.big(halved), size=x.shape[-2:], mode="nearest")
        return self.act(self.expand_bn(self.expand(self.little(x))) + big)


def big_little(body: Body, *, alpha: int = 2, beta: int = 4) -> None:
    """Give each stage but the last a big branch at half resolution and a little one at full.

    The network of the papers is ``assembled_resnet(big_little=(alpha, beta))``; this does the same to any chain of
    residual blocks that keep the size of the map: all but the last of them become the big branch, the last merges.

    Args:
        body: whose stages have two or more such blocks, the coarsest stage aside.
        alpha: the little branch is that many times narrower; 2 for ResNet-50.
        beta: the little branch has max(1, blocks // beta - 1) blocks; 4 for ResNet-50.

    Raises:
        ValueError: alpha or beta below 1.
    """
    if alpha < 1 or beta < 1:
        raise ValueError(f"alpha and beta need whole numbers above 0; got {alpha} and {beta}")
    runs = _runs(body)
    if not runs:
        raise body.refuse(
            "stages before the last with two or more residual blocks that keep the size of a map (B, C, H, W)",
            "Shallow networks and blocks on tokens have none",
        )
    for run in runs:
        relu = body.graph.given[run[0]][1].name in ("relu", "relu_")
        features = body.graph.given[run[0]][1].shape[1]
        blocks = [body.module(path) for path in run[:-1]]
        depth = max(1, len(run) // beta - 1)
        body.replace(run[0], BigLittle(blocks, features, alpha=alpha, depth=depth, relu=relu))
        for path in run[1:-1]:
            body.replace(path, nn.Identity())


def _runs(body: Body) -> list[list[str]]:
    """Chains of blocks in one container, each fed by the one before, that keep the size of the map."""
    given, coarsest = body.graph.given, body.graph.heights()[-1:]
    blocks = [path for path in dict.fromkeys(each.block for each in body.residuals) if path in given]
    kept = [path for path in blocks if _keeps_size(body, path) and given[path][0].shape[2] not in coarsest]
    runs: list[list[str]] = [[path] for path in kept[:1]]
    for before, path in pairwise(kept):
        linked = given[before][1] is given[path][0] and before.rpartition(".")[0] == path.rpartition(".")[0]
        if linked:
            runs[-1].append(path)
        else:
            runs.append([path])
    return [run for run in runs if len(run) > 1]


def _keeps_size(body: Body, path: str) -> bool:
    source, made = body.graph.given[path]
    return source.is_map and made.is_map and source.shape == made.shape and body.graph.calls[path] == 1
