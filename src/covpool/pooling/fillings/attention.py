"""First-order summaries in which positions are weighted by learned scores: attention and NetVLAD."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from covpool import functional
from covpool.functional.statistics.dictionary import residual_sums


class AttentionMean(nn.Module):
    r"""Mean of the descriptors weighted by learned scores, :math:`a_i\propto\exp(w^\top\tanh(V x_i+b))`.

    The hyperbolic tangent bounds the scores, whatever the size of the features.
    Source: Ilse et al. ICML 2018. Shape: (B, C, N) -> (B, C).

    Args:
        dim: channels C.
        hidden: rows of V; 128 as in the source.
    """

    min_positions = 1

    def __init__(self, dim: int, *, hidden: int = 128) -> None:
        super().__init__()
        if hidden < 1:
            raise ValueError(f"attention needs at least 1 hidden number; got {hidden}. The source has 128")
        self.out_features = dim
        self.inner = nn.Linear(dim, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b c"]:
        return (x * self.weights(x)).sum(-1)

    def weights(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b 1 n"]:
        """Weights of the positions, which sum to 1."""
        inner = self.inner.weight.to(x.dtype) @ x + self.inner.bias.to(x.dtype).unsqueeze(-1)
        return (self.score.weight.to(x.dtype) @ inner.tanh()).softmax(-1)


class ResidualDictionary(nn.Module):
    r"""Residuals of unit descriptors from K learned centers, softly assigned: NetVLAD.

    .. math:: V_k=\sum_i a_k(x_i)\,(x_i-c_k),\quad a_k(x)=\mathrm{softmax}_k(w_k^\top x+b_k)

    Descriptors are divided by their l2 norm before, each V_k and then the whole vector after. Assignments start from
    the centers, :math:`w=2\alpha c,\ b=-\alpha\lVert c\rVert^2`, and are learned apart from them.
    Source: Arandjelovic et al. CVPR 2016. Departs: centers start as random directions, not from k-means.

    Shape: (B, C, N) -> (B, K C).

    Args:
        dim: channels C.
        clusters: K; 64 as in the source.
        alpha: hardness of the first assignment; 10 is our choice for random centers.
    """

    min_positions = 1

    def __init__(self, dim: int, *, clusters: int = 64, alpha: float = 10.0) -> None:
        super().__init__()
        if clusters < 1 or alpha <= 0:
            raise ValueError(f"NetVLAD needs clusters of at least 1 and a positive alpha; got {clusters} and {alpha}")
        self.out_features = clusters * dim
        self.centers = nn.Parameter(nn.functional.normalize(torch.randn(clusters, dim), dim=-1))
        self.assign = nn.Linear(dim, clusters)
        with torch.no_grad():
            self.assign.weight.copy_(2 * alpha * self.centers)
            self.assign.bias.copy_(-alpha * self.centers.square().sum(-1))

    def forward(self, x: Float[Tensor, "b c n"]) -> Float[Tensor, "b d"]:
        live = (x != 0).any(-2, keepdim=True)  # the gradient of a norm at zero would be 1/eps
        x = functional.l2_normalize(torch.where(live, x, torch.ones_like(x)), -2) * live
        scores = self.assign.weight.to(x.dtype) @ x + self.assign.bias.to(x.dtype).unsqueeze(-1)
        sums = residual_sums(x, scores.softmax(-2), self.centers.to(x.dtype))
        return functional.l2_normalize(functional.l2_normalize(sums).flatten(1))
