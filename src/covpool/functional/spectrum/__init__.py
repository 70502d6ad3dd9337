"""Normalisations of a covariance beyond roots and powers."""

from covpool.functional.spectrum.flattening import max_exp, rank_one_update
from covpool.functional.spectrum.logarithm import log_cholesky, matrix_log

__all__ = ["log_cholesky", "matrix_log", "max_exp", "rank_one_update"]
