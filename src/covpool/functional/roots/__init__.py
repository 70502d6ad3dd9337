"""The square root of a covariance, and the several ways to compute the published one."""
