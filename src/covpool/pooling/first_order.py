"""First-order pools: the baselines that a second-order pool has to beat."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional
from covpool.functional.precision import no_autocast, widen
from covpool.pooling.reduce import reduction
from covpool.pooling.second_order import need_map


class FirstOrderPool(nn.Module):
    """reduce -> summarize: one or a few numbers a channel.

    Shape: (B, in_features, H, W) -> (B, out_features). Dtype: statistics in float32, result in the input's dtype.

    Args:
        in_features: channels of the map.
        reduce_to: channels after a 1x1 convolution, BN and ReLU; None pools the map as it is.
        summarize: (B, C, N) -> (B, D), with attributes ``min_positions`` and ``out_features``.
    """

    order = 1

    def __init__(self, in_features: int, reduce_to: int | None = None, *, summarize: nn.Module) -> None:
        super().__init__()
        self.in_features = in_features
        self.reduce, _ = reduction(in_features, reduce_to)
        self.summarize = summarize
        self.min_positions: int = summarize.min_positions  # type: ignore[assignment]
        self.out_features: int = summarize.out_features  # type: ignore[assignment]

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        need_map(x, self.in_features, self.min_positions)
        reduced = self.reduce(x)
        with no_autocast(x.device):
            vector = self.summarize(widen(reduced).flatten(2))
        return vector.to(x.dtype)


class Average(nn.Module):
    """Mean over positions (global average pooling). Shape: (B, C, N) -> (B, C)."""

    min_positions = 1

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_features = dim

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c"]:
        return x.mean(-1)


class Maximum(nn.Module):
    """Maximum over positions. Shape: (B, C, N) -> (B, C)."""

    min_positions = 1

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_features = dim

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c"]:
        return x.amax(-1)


class GeneralizedMean(nn.Module):
    """Generalized mean with a learned exponent; see ``covpool.functional.generalized_mean``.

    Shape: (B, C, N) -> (B, C).

    Args:
        dim: channels C.
        p: where the exponent starts; 3 as in Radenovic et al. TPAMI 2019.
        learn_p: train the exponent; True as there.
    """

    min_positions = 1

    def __init__(self, dim: int, *, p: float = 3.0, learn_p: bool = True) -> None:
        super().__init__()
        if p <= 0:
            raise ValueError(f"the generalized mean needs p > 0; got {p}. The usual start is 3")
        self.out_features = dim
        self.p = nn.Parameter(torch.tensor(float(p)), requires_grad=learn_p)

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c"]:
        return functional.generalized_mean(x, self.p)


class FixedGeneralizedMean(nn.Module):
    r"""Generalized mean of a fixed exponent, with a floor under the sum.

    .. math:: \left(\frac1N \max\Big(\sum_i \max(x_i, 10^{-6})^p,\ f\Big)\right)^{1/p}

    Source: nets/blocks.py of Assemble-ResNet (Lee et al. 2020), p = 3 and f = 1e-6 as there: a dead channel gives
    0.01 N^{-1/3} where ``GeneralizedMean`` gives 1e-6. It has no weights.

    Shape: (B, C, N) -> (B, C).

    Args:
        dim: channels C.
        p: the exponent.
        floor: f, the least sum of powers.
    """

    min_positions = 1

    def __init__(self, dim: int, *, p: float = 3.0, floor: float = 1e-6) -> None:
        super().__init__()
        if p <= 0:
            raise ValueError(f"the generalized mean needs p > 0; got {p}. The usual one is 3")
        self.out_features = dim
        self.p = p
        self.floor = floor

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c"]:
        return functional.generalized_mean(x, self.p).clamp(min=(self.floor / x.shape[-1]) ** (1 / self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}, floor={self.floor}"


class Flatten(nn.Module):
    """Every position's descriptor side by side: no pooling at all, and maps of one size only.

    Shape: (B, C, N) -> (B, N * C), position by position (H, W, C); or (B, C * N), channel by channel.

    Args:
        dim: channels C.
        positions: N = H W, which the classifier is as wide as.
        channels_last: H, W, C, as TensorFlow flattens; False: C, H, W, as PyTorch does.

    Raises:
        ValueError: a map of another number of positions.
    """

    min_positions = 1

    def __init__(self, dim: int, *, positions: int, channels_last: bool = True) -> None:
        super().__init__()
        if positions < 1:
            raise ValueError(f"flatten needs the number of positions of its maps, 1 or more; got {positions}")
        self.out_features = dim * positions
        self.positions = positions
        self.channels_last = channels_last

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d"]:
        if x.shape[-1] != self.positions:
            raise ValueError(
                f"this flatten pool is built for maps of {self.positions} positions; got {x.shape[-1]}. "
                "Give images of the size it was made for, or build it with their positions"
            )
        return (x.transpose(1, 2) if self.channels_last else x).flatten(1)

    def extra_repr(self) -> str:
        return f"positions={self.positions}, channels_last={self.channels_last}"


class MeanDeviation(nn.Module):
    """Mean and standard deviation side by side; see ``covpool.functional.mean_and_deviation``.

    Shape: (B, C, N) -> (B, 2C).
    """

    min_positions = 2

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_features = 2 * dim

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d"]:
        return functional.mean_and_deviation(x)


class SoftmaxMean(nn.Module):
    """Mean weighted by the exponentials; see ``covpool.functional.softmax_mean``. Shape: (B, C, N) -> (B, C)."""

    min_positions = 1

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_features = dim

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c"]:
        return functional.softmax_mean(x)


class LogSumExp(nn.Module):
    """Smooth maximum with a learned sharpness; see ``covpool.functional.log_sum_exp``. Shape: (B, C, N) -> (B, C).

    Args:
        dim: channels C.
        sharpness: r, where it starts; learned as its logarithm.
        learn_sharpness: train it.
    """

    min_positions = 1

    def __init__(self, dim: int, *, sharpness: float = 1.0, learn_sharpness: bool = True) -> None:
        super().__init__()
        if sharpness <= 0:
            raise ValueError(f"the smooth maximum needs a sharpness above 0; got {sharpness}")
        self.out_features = dim
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)), requires_grad=learn_sharpness)

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c"]:
        return functional.log_sum_exp(x, self.log_sharpness.to(x.dtype).exp())


class ExpandedAverage(nn.Module):
    """Average, then an expansion to ``width`` numbers: the width-matched control of a second-order pool.

    A longer vector alone can win; this one is as long as the second-order vector and holds first-order
    information only. The expansion is a linear map and ReLU, learned with the network, or drawn once from a
    Gaussian of variance 1/dim (a random-feature map, for classifiers on frozen features).

    Shape: (B, C, N) -> (B, width).

    Args:
        dim: channels C.
        width: length of the expanded vector.
        learned: train the expansion; False keeps the random one, as a buffer.
        seed: of the random expansion, so that it is the same wherever it is drawn.
    """

    min_positions = 1

    def __init__(self, dim: int, *, width: int, learned: bool = True, seed: int = 0) -> None:
        super().__init__()
        self.out_features = width
        self.expand = nn.Linear(dim, width) if learned else RandomProjection(dim, width, seed=seed)
        self.act = nn.ReLU()

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d"]:
        return self.act(self.expand(x.mean(-1)))


class RandomProjection(nn.Module):
    """A linear map drawn once from a Gaussian of variance 1/dim and never trained.

    Shape: (..., dim) -> (..., width).
    """

    weight: Tensor

    def __init__(self, dim: int, width: int, *, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("weight", torch.randn(width, dim, generator=generator, device="cpu") / dim**0.5)

    def forward(self, x: Float[Tensor, "*batch c"]) -> Float[Tensor, "*batch d"]:
        return nn.functional.linear(x, self.weight.to(x.dtype))

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]} -> {self.weight.shape[0]}"
