"""A few linear functions of a second moment: bilinear forms u'Mv, and the tensor sketch of a matrix."""

from __future__ import annotations

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from covpool.functional.precision import in_float32


@in_float32
def bilinear_forms(
    x: Float[Tensor, "*batch c n"],
    u: Float[Tensor, "d c"],
    v: Float[Tensor, "d c"],
    *,
    center: bool = False,
) -> Float[Tensor, "*batch d"]:
    r"""D bilinear forms of the second moment M (or of the covariance) of N descriptors.

    .. math:: y_k = \frac1N\sum_i (u_k^\top x_i)(v_k^\top x_i) = u_k^\top M v_k

    With random signs and 1/sqrt(D) it is the random Maclaurin sketch, with learned u and v the low-rank (Hadamard)
    bilinear pool, with u = v and ``center`` the statistically motivated second-order pool. Either side of the
    equation may be the cheaper one; the shapes decide, and the numbers are the same.

    Source: Kar and Karnick AISTATS 2012; Gao et al. CVPR 2016; Kim et al. ICLR 2017; Yu and Salzmann ECCV 2018.
    Shape: x (..., C, N), u and v (D, C) -> (..., D). Dtype: computed in float32 if x is half, returned in x.dtype.
    Gradient: autograd, in all three.

    Args:
        x: descriptors as columns.
        u: left vectors as rows.
        v: right vectors as rows.
        center: take the mean descriptor off first.

    Example:
        >>> one = torch.eye(2)
        >>> bilinear_forms(torch.tensor([[1.0, 3.0], [1.0, 1.0]]), one, one)
        tensor([5., 1.])
    """
    if center:
        x = x - x.mean(-1, keepdim=True)
    dim, positions = x.shape[-2:]
    if dim * (positions + u.shape[0]) <= 2 * u.shape[0] * positions:
        return matrix_forms(x @ x.mT / positions, u, v)
    return ((u @ x) * (v @ x)).mean(-1)


@in_float32
def matrix_forms(
    a: Float[Tensor, "*batch c c"], u: Float[Tensor, "d c"], v: Float[Tensor, "d c"]
) -> Float[Tensor, "*batch d"]:
    r"""D forms of a matrix, :math:`y_k = u_k^\top A v_k`.

    Shape: a (..., C, C), u and v (D, C) -> (..., D). Dtype: as ``bilinear_forms``. Gradient: autograd.

    Example:
        >>> matrix_forms(torch.tensor([[1.0, 2.0], [2.0, 5.0]]), torch.ones(1, 2), torch.ones(1, 2))
        tensor([10.])
    """
    return ((u @ a) * v).sum(-1)


@in_float32
def matrix_sketch(
    a: Float[Tensor, "*batch c c"], bins: Integer[Tensor, "2 c"], signs: Integer[Tensor, "2 c"], width: int
) -> Float[Tensor, "*batch d"]:
    r"""Tensor sketch of a matrix that is at hand.

    .. math:: y_k = \sum_{i,j:\ h_1(i)+h_2(j)\equiv k} s_1(i)\,s_2(j)\,A_{ij}

    ``tensor_sketch`` of descriptors is this of their summed second moment. Here the C^2 entries are added straight
    into their bins, without a Fourier transform.
    Source: Pham and Pagh KDD 2013; Gou et al. CVPR 2018 (of a root). Shape: a (..., C, C) -> (..., width).
    Dtype: as ``bilinear_forms``. Gradient: autograd.

    Args:
        a: matrices.
        bins: h_1 and h_2, from ``sketch_hashes``.
        signs: s_1 and s_2, of 1 and -1.
        width: number of bins.

    Example:
        >>> bins, signs = torch.tensor([[0, 1], [0, 2]]), torch.tensor([[1, 1], [1, -1]])
        >>> matrix_sketch(torch.tensor([[1.0, 3.0], [3.0, 9.0]]), bins, signs, 4)
        tensor([ 1.,  3., -3., -9.])
    """
    to = (bins[0].unsqueeze(-1) + bins[1]).flatten() % width
    signed = (a * (signs[0].unsqueeze(-1) * signs[1]).to(a.dtype)).flatten(-2)
    return signed.new_zeros(*signed.shape[:-1], width).scatter_add(-1, to.expand(signed.shape), signed)


def random_signs(width: int, dim: int, seed: int) -> Float[Tensor, "width dim"]:
    """A (width, dim) matrix of +1 and -1, the same on every machine for a seed.

    Example:
        >>> random_signs(2, 3, seed=0).abs()
        tensor([[1., 1., 1.],
                [1., 1., 1.]])
    """
    generator = torch.Generator(device="cpu").manual_seed(seed)
    bits = torch.randint(0, 2, (width, dim), generator=generator, device="cpu")
    return (2.0 * bits - 1).to(torch.get_default_device())
