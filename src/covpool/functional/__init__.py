"""Pure functions: tensors in, tensors out."""

from covpool.functional.covariance import covariance, cross_covariance, second_moment
from covpool.functional.gating import balance_loss
from covpool.functional.matrix_sqrt import matrix_power, matrix_sqrt, sqrt_methods
from covpool.functional.moments import generalized_mean, log_sum_exp, mean_and_deviation, softmax_mean
from covpool.functional.power import l2_normalize, signed_power
from covpool.functional.roots.backends import backends
from covpool.functional.roots.isqrt import isqrt_covariance
from covpool.functional.sketch import tensor_sketch
from covpool.functional.spectrum import log_cholesky, matrix_log, max_exp, rank_one_update
from covpool.functional.statistics import (
    bilinear_forms,
    correlation,
    distance_covariance,
    kernel_matrix,
    matrix_sketch,
    moment_matrix,
    residual_sums,
    shrunk_covariance,
    sparse_inverse,
)
from covpool.functional.statistics.gaussian import generalized_gaussian_scatter
from covpool.functional.triangle import from_triangle, triangle, triangle_size

__all__ = [
    "backends",
    "balance_loss",
    "bilinear_forms",
    "correlation",
    "covariance",
    "cross_covariance",
    "distance_covariance",
    "from_triangle",
    "generalized_gaussian_scatter",
    "generalized_mean",
    "isqrt_covariance",
    "kernel_matrix",
    "l2_normalize",
    "log_cholesky",
    "log_sum_exp",
    "matrix_log",
    "matrix_power",
    "matrix_sketch",
    "matrix_sqrt",
    "max_exp",
    "mean_and_deviation",
    "moment_matrix",
    "rank_one_update",
    "residual_sums",
    "second_moment",
    "shrunk_covariance",
    "signed_power",
    "softmax_mean",
    "sparse_inverse",
    "sqrt_methods",
    "tensor_sketch",
    "triangle",
    "triangle_size",
]
