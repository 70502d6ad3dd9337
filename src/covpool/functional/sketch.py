"""Compact bilinear statistics: the second moment seen through two random hashes, without ever being formed."""

from __future__ import annotations

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from covpool.functional.exporting import exporting_to_onnx
from covpool.functional.precision import in_float32


def sketch_hashes(dim: int, width: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The two hashes of a tensor sketch: a bin in [0, width) and a sign for each channel, (2, dim) each, int64.

    They are drawn in the order of the fast-MPN-COV release (both bins, then both signs); a CPU generator seeded with 1
    gives the very hashes of its networks. That stream is the Mersenne twister of numpy: raw 32-bit numbers modulo
    the range.

    Example:
        >>> bins, signs = sketch_hashes(512, 8192, generator=torch.Generator(device="cpu").manual_seed(1))
        >>> bins[0, :4].tolist()
        [5157, 235, 3980, 5192]
    """
    device = generator.device
    bins = [torch.randint(0, width, (dim,), generator=generator, device=device) for _ in range(2)]
    signs = [2 * torch.randint(0, 2, (dim,), generator=generator, device=device) - 1 for _ in range(2)]
    return torch.stack(bins), torch.stack(signs)


@in_float32
def tensor_sketch(
    x: Float[Tensor, "*batch c n"], bins: Integer[Tensor, "2 c"], signs: Integer[Tensor, "2 c"], width: int
) -> Float[Tensor, "*batch d"]:
    r"""Tensor sketch of the second moment of N descriptors, summed over positions.

    .. math:: y_k = \sum_n \sum_{i,j:\ h_1(i)+h_2(j)\equiv k} s_1(i)\,s_2(j)\,x_{in}\,x_{jn}
              = \mathcal{F}^{-1}\Big(\sum_n \mathcal{F}(\Psi_1 x_n)\odot\mathcal{F}(\Psi_2 x_n)\Big)_k

    Source: Gao et al. CVPR 2016; Pham and Pagh KDD 2013. Departs: the release transforms back at every position and
    its empty bins hold the rounding of the transform, which the signed root after it blows up to 1e-4; here one
    inverse transform follows the sum, and a bin that no pair of channels reaches is exactly zero.

    Shape: x (..., C, N) -> (..., width). Dtype: computed in float32 if x is half, returned in x.dtype.
    Gradient: autograd, any order.

    Args:
        x: descriptors as columns.
        bins: h_1 and h_2, from ``sketch_hashes``.
        signs: s_1 and s_2, of 1 and -1.
        width: number of bins; 8192 in the release.

    Example:
        >>> bins, signs = torch.tensor([[0, 1], [0, 2]]), torch.tensor([[1, 1], [1, -1]])
        >>> tensor_sketch(torch.tensor([[1.0], [3.0]]), bins, signs, 4).round(decimals=4)
        tensor([ 1.,  3., -3., -9.])
    """
    if x.numel() == 0:  # no transform takes an empty batch
        return x.flatten(-2).sum(-1, keepdim=True).expand(*x.shape[:-2], width)
    y = _convolve(x, bins, signs, width)
    return torch.where(_reached(x, bins, width), y, torch.zeros_like(y))


def _convolve(x: Tensor, bins: Tensor, signs: Tensor, width: int) -> Tensor:
    """The circular convolution of the two count sketches of each position, summed over positions."""
    length = _transform_length(width)
    spectrum = _spectrum(x, bins[0], signs[0], length) * _spectrum(x, bins[1], signs[1], length)
    y = torch.fft.irfft(spectrum.sum(-2), n=length)
    return y if length == width else y[..., :width] + y[..., width : 2 * width]


def _transform_length(width: int) -> int:
    """``width`` itself; in an ONNX file a power of two, long enough to fold what a circle would have wrapped.

    onnxruntime's transforms of other lengths lose three digits of float32.
    """
    if width & (width - 1) == 0 or not exporting_to_onnx():
        return width
    return 1 << (2 * width - 1).bit_length()


def _spectrum(x: Tensor, bins: Tensor, signs: Tensor, length: int) -> Tensor:
    """Fourier transform of the count sketch of each position, (..., N, length // 2 + 1)."""
    rows = (x * signs.to(x.dtype).unsqueeze(-1)).mT
    sketch = rows.new_zeros(*rows.shape[:-1], length).scatter_add(-1, bins.expand(rows.shape), rows)
    return torch.fft.rfft(sketch)


def _reached(x: Tensor, bins: Tensor, width: int) -> Tensor:
    """Whether any pair of channels falls into a bin: the same sketch of a vector of ones, without signs."""
    return _convolve(x.new_ones(bins.shape[-1], 1), bins, torch.ones_like(bins), width) > 0.5
