"""The combinator: a mixture of many candidate pools, of which each image uses a few."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from covpool.functional.gating import candidate_convolution, gate_scores, need_choice, top_k_weights
from covpool.functional.precision import as_parameters, no_autocast, widen
from covpool.pooling.first_order import FirstOrderPool
from covpool.pooling.reduce import ChannelReduction
from covpool.pooling.second_order import SecondOrderPool, need_map


class GatedMixture(nn.Module):
    """gate -> the K chosen of M candidates -> pool each -> weighted sum -> batch normalisation.

    Everything runs in float32 with autocast off: the choice of candidates must not hang on rounding. Only chosen
    candidates are computed. The gate's weights (B, M) are the output of the submodule ``gate``: a loss observes them
    there (``covpool.observe``), they are neither returned nor stored.

    Shape: (B, in_features, H, W) -> (B, out_features). Source: Wang et al. NeurIPS 2018 (GM-SOP).

    Args:
        gate: (B, C, H, W) -> weights (B, M), K of them not zero in each row.
        candidates: maps and chosen indices (B, K) -> maps (B K, dim, H, W), with ``in_features``.
        pool: pools the maps of the candidates; it has no parameters of its own.
        active: K.
    """

    def __init__(
        self, *, gate: nn.Module, candidates: nn.Module, pool: SecondOrderPool | FirstOrderPool, active: int
    ) -> None:
        super().__init__()
        self.gate = gate
        self.candidates = candidates
        self.pool = pool
        self.active = active
        self.order = pool.order
        self.in_features: int = candidates.in_features  # type: ignore[assignment]
        self.min_positions = pool.min_positions
        self.out_features = pool.out_features
        self.normalize = nn.BatchNorm1d(pool.out_features)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        need_map(x, self.in_features, self.min_positions)
        wide = widen(x)
        with no_autocast(x.device):
            shares, index = self.gate(wide).topk(self.active, dim=1)
            vectors = self.pool(self.candidates(wide, index)).unflatten(0, (-1, self.active))
            mixed = (shares.unsqueeze(1) @ vectors).squeeze(1)
            mixed = self.normalize(as_parameters(self.normalize, mixed))
        return mixed.to(x.dtype)

    def extra_repr(self) -> str:
        return f"active={self.active}"


class Gate(nn.Module):
    """Weights of M candidates for each image: 1x1 convolutions, a pool, scores, softmax over the K best.

    In training the scores carry noise, one number an image, and an image whose scores are all equal chooses at random;
    see ``covpool.functional.gate_scores`` and ``top_k_weights``. At the start all scores are equal, as released.

    Shape: (B, C, H, W) -> (B, M).

    Args:
        in_features: channels of the map.
        widths: channels of the convolutions (each with BN and ReLU) in turn.
        pool: pools what the last one gives; it has no parameters of its own.
        candidates: M.
        active: K.
    """

    def __init__(
        self,
        in_features: int,
        widths: Sequence[int],
        *,
        pool: SecondOrderPool | FirstOrderPool,
        candidates: int,
        active: int,
    ) -> None:
        super().__init__()
        need_choice(active, candidates)
        self.active = active
        self.features = nn.Sequential(*map(ChannelReduction, [in_features, *widths[:-1]], widths))
        for layer in self.features:
            nn.init.kaiming_normal_(layer.conv.weight, mode="fan_in", nonlinearity="relu")  # type: ignore[union-attr, arg-type]
        self.pool = pool
        start = torch.full((pool.out_features, candidates), 1 / pool.out_features)  # H_x.m:107-108
        self.weight = nn.Parameter(start)
        self.noise_weight = nn.Parameter(start.clone())

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b m"]:
        seen = self.pool(self.features(as_parameters(self, x)).to(x.dtype))
        noise = torch.randn(len(x), dtype=x.dtype, device=x.device) if self.training else None
        scores = gate_scores(seen, self.weight.to(x.dtype), self.noise_weight.to(x.dtype), noise)
        return top_k_weights(scores, self.active, shuffle=self.training)

    def extra_repr(self) -> str:
        return f"candidates={self.weight.shape[1]}, active={self.active}"


class CandidateMaps(nn.Module):
    """M private stacks of 1x1 convolutions, each followed by ReLU, applied to the images that chose them.

    Shape: (B, in_features, H, W), index (B, K) -> (B K, widths[-1], H, W), the K maps of an image in a row.

    Args:
        in_features: channels of the map.
        widths: channels of the convolutions in turn; neither bias nor normalisation, as released.
        candidates: M.
    """

    def __init__(self, in_features: int, widths: Sequence[int], *, candidates: int) -> None:
        super().__init__()
        self.in_features = in_features
        shapes = zip(widths, [in_features, *widths[:-1]], strict=True)
        self.weights = nn.ParameterList(
            torch.randn(candidates, out, dim) * (2 / dim) ** 0.5  # He, as the release
            for out, dim in shapes
        )

    def forward(self, x: Float[Tensor, "b c h w"], index: Int[Tensor, "b k"]) -> Float[Tensor, "bk d h w"]:
        first, *others = self.weights
        maps = candidate_convolution(x.flatten(2), first, index).relu().flatten(0, 1)
        for weight in others:
            maps = candidate_convolution(maps, weight, index.reshape(-1, 1)).relu().squeeze(1)
        return maps.unflatten(-1, x.shape[2:])

    def extra_repr(self) -> str:
        return f"{self.in_features} -> {' -> '.join(str(weight.shape[1]) for weight in self.weights)}"
