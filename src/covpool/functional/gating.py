"""A gated mixture of candidates: scores, the K best of M, and the loss that keeps all M in use."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from covpool.functional.precision import in_float32


@in_float32
def gate_scores(
    g: Float[Tensor, "b d"],
    weight: Float[Tensor, "d m"],
    noise_weight: Float[Tensor, "d m"],
    noise: Float[Tensor, "b"] | None = None,
) -> Float[Tensor, "b m"]:
    r"""Scores of M candidates for each image, with multiplicative noise.

    .. math:: H_{bi} = g_b^\top W_i + \gamma_b\,\log(1+\exp(g_b^\top V_i))

    Source: Wang et al. NeurIPS 2018 (GM-SOP), by its released code: the noise is one number an image, shared by all
    candidates (Shazeer et al. ICLR 2017 draw one a candidate).

    Shape: g (B, D), weights (D, M), noise (B) -> (B, M). Dtype: computed in float32 if g is half, returned in g.dtype.
    Gradient: autograd.

    Args:
        g: the vector that the gate sees.
        weight: W; noise_weight: V, of the same shape.
        noise: gamma, from the standard normal law while training; None where there is none.

    Example:
        >>> gate_scores(torch.ones(1, 1), torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2))
        tensor([[1., 2.]])
    """
    scores = g @ weight
    if noise is None:
        return scores
    spread = g @ noise_weight
    return scores + noise.unsqueeze(-1) * torch.logaddexp(spread, torch.zeros_like(spread))


@in_float32
def top_k_weights(
    scores: Float[Tensor, "b m"], k: int, *, shuffle: bool = False, generator: torch.Generator | None = None
) -> Float[Tensor, "b m"]:
    r"""Softmax over the K largest scores of each image; the weight of every other candidate is exactly zero.

    Among equal scores the earlier candidate wins. Where all scores of an image are equal (up to rounding), as at the
    start of training, ``shuffle`` draws its K at random, so that every candidate is tried.

    Source: Wang et al. NeurIPS 2018. Departs from the release: a selected score of exactly 0 keeps its weight (there it
    is lost), and the random choice is made image by image and never outside training (there a tie may drop the
    best candidate, in evaluation too).

    Shape: (B, M) -> (B, M), rows that sum to 1. Dtype: computed in float32 if scores are half, returned in their dtype.
    Gradient: autograd; none through the choice.

    Raises:
        ValueError: k outside 1..M.

    Example:
        >>> top_k_weights(torch.tensor([[1.0, 1.0, 1.0, 0.0]]), 2)
        tensor([[0.5000, 0.5000, 0.0000, 0.0000]])
    """
    need_choice(k, scores.shape[-1])
    chosen = _choice(scores.detach(), k, shuffle, generator)
    return scores.masked_fill(~chosen, float("-inf")).softmax(-1)


@in_float32
def balance_loss(weights: Float[Tensor, "b m"], strength: float = 100.0) -> Float[Tensor, ""]:
    r"""Penalty on candidates that the batch uses unevenly, to be added to a *mean* classification loss.

    .. math:: \frac{100}{B}\left(\frac{\mathrm{std}(S)}{\mathrm{mean}(S)}\right)^2,\qquad S_i=\sum_b w_{bi}

    with the unbiased deviation. Source: Wang et al. NeurIPS 2018; the release adds 100 (std/mean)^2 to the *summed*
    loss and divides every gradient by B. ``weights`` are observed, not returned by the network; see
    docs/papers/gm_sop.md.

    Shape: (B, M) -> (). Dtype: as ``top_k_weights``. Gradient: autograd.

    Raises:
        ValueError: fewer than 2 candidates.

    Example:
        >>> balance_loss(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        tensor(0.)
    """
    if weights.shape[-1] < 2:
        raise ValueError(f"balance_loss() needs weights (B, M) of at least 2 candidates; got {tuple(weights.shape)}")
    use = weights.sum(0)
    return strength / weights.shape[0] * use.var() / use.mean().square()


@in_float32
def candidate_convolution(
    x: Float[Tensor, "b c n"], weight: Float[Tensor, "m d c"], index: Int[Tensor, "b k"]
) -> Float[Tensor, "b k d n"]:
    """Apply to each image the 1x1 convolutions of its own K candidates.

    Only chosen candidates are computed; a candidate that no image chose gets the gradient zero. Either each image gets
    a copy of its candidates' weights, or each candidate a copy of its images, whichever copies less: the same numbers.

    Shape: x (B, C, N), weight (M, D, C), index (B, K) -> (B, K, D, N). Dtype: as ``gate_scores``. Gradient: autograd.

    Example:
        >>> candidate_convolution(torch.ones(1, 1, 1), torch.tensor([[[2.0]], [[3.0]]]), torch.tensor([[1]]))
        tensor([[[[3.]]]])
    """
    weight = weight.to(x.dtype)
    if _weights_are_larger(x, weight):
        return _by_candidate(x, weight, index)
    own = weight.index_select(0, index.flatten()).unflatten(0, index.shape)  # has a faster gradient than weight[index]
    return (own.flatten(1, 2) @ x).unflatten(1, own.shape[1:3])


def _weights_are_larger(x: Tensor, weight: Tensor) -> bool:
    """Twice as large as what a candidate reads and writes; on a CPU only: a GPU would wait to learn who chose whom."""
    if torch.compiler.is_compiling() or x.device.type != "cpu" or not len(x):
        return False
    out, dim = weight.shape[1:]
    return out * dim > 2 * (out + dim) * x.shape[-1]


def _by_candidate(x: Tensor, weight: Tensor, index: Tensor) -> Tensor:
    """One product a candidate, over all positions of the images that chose it."""
    chosen = index.flatten()
    order = chosen.argsort()
    rows = x.mT.index_select(0, order // index.shape[1])
    groups = rows.split(torch.bincount(chosen, minlength=len(weight)).tolist())
    products = [rows.flatten(0, 1) @ own.mT for rows, own in zip(groups, weight.unbind(0), strict=True) if len(rows)]
    together = torch.cat(products).unflatten(0, (-1, x.shape[-1]))
    return together.index_select(0, order.argsort()).mT.unflatten(0, index.shape)


def need_choice(k: int, candidates: int) -> None:
    """ValueError unless k of the candidates can be chosen."""
    if not 1 <= k <= candidates:
        raise ValueError(f"a mixture chooses between 1 and all of its {candidates} candidates; got {k}")


def _choice(scores: Tensor, k: int, shuffle: bool, generator: torch.Generator | None) -> Bool[Tensor, "b m"]:
    """Mask of the K best, ties in the order of an explicit key."""
    level = _all_equal(scores)
    scores = torch.where(level, torch.zeros_like(scores), scores)
    key = torch.arange(scores.shape[-1], device=scores.device, dtype=scores.dtype).expand(scores.shape)
    if shuffle:
        draw = torch.rand(scores.shape, device=scores.device, dtype=scores.dtype, generator=generator)
        key = torch.where(level, draw.argsort(-1).to(key.dtype), key)
    left, right = scores.unsqueeze(-1), scores.unsqueeze(-2)
    before = key.unsqueeze(-2) < key.unsqueeze(-1)
    better = (right > left) | ((right == left) & before)  # of candidate j over i; ONNX has no stable sort
    return better.sum(-1) < k


def _all_equal(scores: Tensor) -> Tensor:
    """Rows whose scores differ by rounding only: products with equal columns need not be equal to the last bit."""
    spread = scores.amax(-1, keepdim=True) - scores.amin(-1, keepdim=True)
    return spread <= 1e3 * torch.finfo(scores.dtype).eps * scores.abs().amax(-1, keepdim=True)
