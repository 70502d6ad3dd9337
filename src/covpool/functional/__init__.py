"""Pure functions: tensors in, tensors out."""

from covpool.functional.backends import backends
from covpool.functional.covariance import covariance, cross_covariance, second_moment
from covpool.functional.gating import balance_loss
from covpool.functional.gaussian import generalized_gaussian_scatter
from covpool.functional.isqrt import isqrt_covariance
from covpool.functional.matrix_sqrt import matrix_power, matrix_sqrt, sqrt_methods
from covpool.functional.moments import generalized_mean, mean_and_deviation
from covpool.functional.power import l2_normalize, signed_power
from covpool.functional.sketch import tensor_sketch
from covpool.functional.triangle import from_triangle, triangle, triangle_size

__all__ = [
    "backends",
    "balance_loss",
    "covariance",
    "cross_covariance",
    "from_triangle",
    "generalized_gaussian_scatter",
    "generalized_mean",
    "isqrt_covariance",
    "l2_normalize",
    "matrix_power",
    "matrix_sqrt",
    "mean_and_deviation",
    "second_moment",
    "signed_power",
    "sqrt_methods",
    "tensor_sketch",
    "triangle",
    "triangle_size",
]
