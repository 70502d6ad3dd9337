"""The one class of all second-order pools: a chain of five slots."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from covpool.functional.precision import no_autocast, widen
from covpool.pooling.fusion import fused_function, is_watched
from covpool.pooling.reduce import reduction


class SecondOrderPool(nn.Module):
    """reduce -> reweight -> describe -> normalize -> vectorize.

    The slots after the reduction run in float32 with autocast off, whatever surrounds them; the result has the
    dtype of the input. A new paper is normally one new slot module and one row of ``covpool.pooling.presets``.

    Shape: (B, in_features, H, W) -> (B, out_features). Token maps come as (B, C, N, 1).

    Args:
        in_features: channels of the map.
        reduce_to: channels after the reduction (1x1 convolution, BN, ReLU); None pools the map as it is.
        describe: (B, C, N) -> the statistic, with an attribute ``min_positions``.
        vectorize: the statistic -> (B, D), with an attribute ``out_features``.
        reweight: (B, C, H, W) -> the same, before the statistic; None leaves the map alone.
        normalize: the statistic -> the same shape; None leaves it alone.
        reduce_act, reduce_eps: activation and batch norm's eps of the reduction; see ``ChannelReduction``.

    Raises:
        ValueError: (forward) channels or positions that the pool cannot take.
    """

    order = 2

    def __init__(
        self,
        in_features: int,
        reduce_to: int | None = None,
        *,
        describe: nn.Module,
        vectorize: nn.Module,
        reweight: nn.Module | None = None,
        normalize: nn.Module | None = None,
        reduce_act: str = "relu",
        reduce_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.reduce, _ = reduction(in_features, reduce_to, act=reduce_act, eps=reduce_eps)
        self.reweight = reweight or nn.Identity()
        self.describe = describe
        self.normalize = normalize or nn.Identity()
        self.vectorize = vectorize
        self.min_positions: int = describe.min_positions  # type: ignore[assignment]
        self.out_features: int = vectorize.out_features  # type: ignore[assignment]

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        need_map(x, self.in_features, self.min_positions)
        reduced = self.reduce(x)
        with no_autocast(x.device):
            descriptors = with_plain_gradient(self.reweight(widen(reduced)).flatten(2))
            vector = self._represent(descriptors)
        return vector.to(x.dtype)

    def _represent(self, x: Tensor) -> Tensor:
        slots = (self.describe, self.normalize, self.vectorize)
        fused = fused_function(*slots)
        if fused is not None and not any(is_watched(slot) for slot in slots):
            return fused(x)
        return self.vectorize(self.normalize(self.describe(x)))


def with_plain_gradient(x: Tensor) -> Tensor:
    """``x``, whose gradient comes back in row-major order where there is one image only.

    The gradient of X X' is the sum of a matrix and a transpose. Of one image its strides, (C, 1, ...), pass for
    channels last, and the batch norm of torch 2.14 on a CPU, met right behind (no ReLU between), then returns a wrong
    gradient without a word; of two images it does not.
    """
    if not torch.compiler.is_compiling() and x.requires_grad and len(x) == 1:
        x.register_hook(Tensor.contiguous)
    return x


def need_map(x: Tensor, in_features: int, min_positions: int) -> None:
    """ValueError unless ``x`` is a real (B, in_features, H, W) with at least ``min_positions`` positions."""
    if not x.is_floating_point():
        raise ValueError(f"the pool needs maps of real numbers; got {x.dtype}. Call .float() on them")
    if x.dim() != 4 or x.shape[1] != in_features:
        raise ValueError(
            f"the pool needs maps (B, {in_features}, H, W); got {tuple(x.shape)}. "
            "Build it with in_features equal to the channels of the map; tokens come as (B, C, N, 1)"
        )
    if x.shape[2] * x.shape[3] < min_positions:
        raise ValueError(
            f"the pool needs at least {min_positions} positions; got a map of shape {tuple(x.shape)}. "
            "Pass larger images, or keep the last stage's resolution with last_stride=1"
        )
