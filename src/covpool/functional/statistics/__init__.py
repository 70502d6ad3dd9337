"""Statistics of a set of descriptors beyond the covariance: one file an idea."""

from covpool.functional.statistics.channels import channel_distances, correlation, distance_covariance, kernel_matrix
from covpool.functional.statistics.dictionary import residual_sums
from covpool.functional.statistics.embedding import moment_matrix
from covpool.functional.statistics.forms import bilinear_forms, matrix_sketch, random_signs
from covpool.functional.statistics.inverse import sparse_inverse
from covpool.functional.statistics.shrinkage import shrinkage_methods, shrunk_covariance

__all__ = [
    "bilinear_forms",
    "channel_distances",
    "correlation",
    "distance_covariance",
    "kernel_matrix",
    "matrix_sketch",
    "moment_matrix",
    "random_signs",
    "residual_sums",
    "shrinkage_methods",
    "shrunk_covariance",
    "sparse_inverse",
]
