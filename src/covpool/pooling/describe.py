"""Slot 3, describe: positions become one statistic an image."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional
from covpool.functional.drop import drop_mask, need_rate
from covpool.functional.precision import as_parameters
from covpool.functional.sketch import sketch_hashes, tensor_sketch
from covpool.functional.statistics.gaussian import generalized_gaussian_scatter, need_shape, need_theta


class Covariance(nn.Module):
    """Covariance of the descriptors of each image; see ``covpool.functional.covariance``.

    Shape: (B, C, N) -> (B, C, C).

    Args:
        center: subtract the mean descriptor; True as in every covariance pool.
        ridge: added to the diagonal; 0 as in iSQRT-COV.
    """

    def __init__(self, *, center: bool = True, ridge: float = 0.0) -> None:
        super().__init__()
        self.center = center
        self.ridge = ridge
        self.min_positions = 2 if center else 1

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return functional.covariance(x, center=self.center, ridge=self.ridge)

    def extra_repr(self) -> str:
        return f"center={self.center}, ridge={self.ridge}"


class SecondMoment(nn.Module):
    """Bilinear (not centred) second moment of each image; see ``covpool.functional.second_moment``.

    Shape: (B, C, N) -> (B, C, C).
    """

    min_positions = 1

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return functional.second_moment(x)


class TensorSketch(nn.Module):
    """Compact bilinear statistic of each image; see ``covpool.functional.tensor_sketch``.

    Shape: (B, C, N) -> (B, width).

    Args:
        dim: channels C.
        width: bins of the sketch; 8192 as in the fast-MPN-COV release.
        seed: of the hashes, which are buffers; 1 gives those of the release.
    """

    min_positions = 1
    bins: Tensor
    signs: Tensor

    def __init__(self, dim: int, *, width: int = 8192, seed: int = 1) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"a sketch needs a width of at least 1; got {width}. The released one is 8192")
        self.width = width
        here = torch.get_default_device()
        bins, signs = sketch_hashes(dim, width, generator=torch.Generator(device="cpu").manual_seed(seed))
        self.register_buffer("bins", bins.to(here))
        self.register_buffer("signs", signs.to(here))

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d"]:
        return tensor_sketch(x, self.bins, self.signs, self.width)

    def extra_repr(self) -> str:
        return f"width={self.width}"


class GeneralizedGaussian(nn.Module):
    """Regularised generalized-Gaussian scatter; see ``covpool.functional.generalized_gaussian_scatter``.

    Shape: (B, C, N) -> (B, C, C).

    Args:
        beta: shape of the law; below 1 far positions count less.
        theta: penalty; 1 makes the last step a square root, 0 leaves plain maximum likelihood.
        steps: re-weightings.
    """

    min_positions = 2

    def __init__(self, *, beta: float = 0.5, theta: float = 1.0, steps: int = 5) -> None:
        super().__init__()
        need_shape(beta, steps)
        need_theta(theta)
        self.beta, self.theta, self.steps = beta, theta, steps

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c c"]:
        return generalized_gaussian_scatter(x, beta=self.beta, theta=self.theta, steps=self.steps)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, theta={self.theta}, steps={self.steps}"


class CrossCovariance(nn.Module):
    """Cross-covariance of two learned projections in each of several heads.

    In training tokens (the same of both projections) and then entries of the statistic are dropped at fixed rates.
    Source: Xie et al. 2021 (So-ViT), by the code released with DropCov. Departs: the third projection there, which
    nothing reads, is made only with ``spare``.

    Shape: (B, C, N) -> (B, heads, head_dim, head_dim).

    Args:
        dim: channels C.
        heads: 6 as released for the small networks.
        head_dim: descriptors of a head; 24 as there.
        center: ``channel`` subtracts the mean of each descriptor; ``head`` one number a head, as the released
            networks were trained (not a covariance, but what their weights need).
        token_drop: rate of dropped tokens; 0.2 as released.
        entry_drop: rate of dropped entries; 0.5 as released.
        spare: keep weights of the third, unread projection, so that released files come and go whole.
    """

    def __init__(
        self,
        dim: int,
        heads: int = 6,
        head_dim: int = 24,
        *,
        center: str = "channel",
        token_drop: float = 0.2,
        entry_drop: float = 0.5,
        spare: bool = False,
    ) -> None:
        super().__init__()
        if center not in ("channel", "head"):
            raise ValueError(f"center is 'channel' or 'head'; got {center!r}. Released weights need 'head'")
        self.heads, self.head_dim, self.center = heads, head_dim, center
        self.token_drop, self.entry_drop = need_rate(token_drop), need_rate(entry_drop)
        self.min_positions = 2
        self.spare = spare
        self.project = nn.Linear(dim, (2 + spare) * heads * head_dim, bias=False)
        nn.init.trunc_normal_(self.project.weight, std=0.02)

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b h r r"]:
        rows = self.project(as_parameters(self, x.mT)).to(x.dtype)
        query, key, *_ = rows.unflatten(-1, (-1, self.heads, self.head_dim)).permute(2, 0, 3, 4, 1)
        if self.training and self.token_drop:
            mask = drop_mask((x.shape[0], self.heads, 1, x.shape[-1]), self.token_drop, x)
            query, key = query * mask, key * mask
        if self.center == "head":
            query, key = (side - side.mean((-2, -1), keepdim=True) for side in (query, key))
        a = functional.cross_covariance(query, key, center=self.center == "channel")
        if self.training and self.entry_drop:
            a = a * drop_mask(tuple(a.shape), self.entry_drop, a)
        return a

    def extra_repr(self) -> str:
        drops = f"token_drop={self.token_drop}, entry_drop={self.entry_drop}"
        return f"heads={self.heads}, head_dim={self.head_dim}, center={self.center!r}, {drops}, spare={self.spare}"
