"""The layer that ours is timed against is the released one: same values, same gradients."""

import sys

import pytest
import torch

from golden_files import golden
from house.tree import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
from published_layer import PublishedCovariance, PublishedSqrt, PublishedTriangle, published_isqrt

TOLERANCE = {"rtol": 1e-10, "atol": 1e-12}


def value_and_gradient(function, x, upstream):
    x = x.clone().requires_grad_()
    y = function(x)
    y.backward(upstream.reshape(y.shape))
    return y.detach(), x.grad


def test_covariance():
    fields = golden("fast_mpncov/layer_covpool")
    y, grad = value_and_gradient(lambda x: PublishedCovariance.apply(x.flatten(2)), fields["x"], fields["grad_out"])
    torch.testing.assert_close(y, fields["y"], **TOLERANCE)
    torch.testing.assert_close(grad, fields["grad_in"], **TOLERANCE)


@pytest.mark.parametrize("steps", [2, 3, 5, 7])
def test_root_with_the_transposed_gradient_of_the_release(steps):
    fields = golden("fast_mpncov/layer_sqrtm")
    y, grad = value_and_gradient(lambda a: PublishedSqrt.apply(a, steps), fields["x"], fields["grad_out"])
    torch.testing.assert_close(y, fields[f"y_iter{steps}"], **TOLERANCE)
    torch.testing.assert_close(grad, fields[f"grad_in_iter{steps}"], **TOLERANCE)


def test_triangle():
    fields = golden("fast_mpncov/layer_triuvec")
    y, grad = value_and_gradient(PublishedTriangle.apply, fields["x"], fields["grad_out"])
    torch.testing.assert_close(y, fields["y"].squeeze(-1), **TOLERANCE)
    torch.testing.assert_close(grad, fields["grad_in"], **TOLERANCE)


def test_the_whole_layer():
    fields = golden("fast_mpncov/layer_mpncov_iter5")
    y, grad = value_and_gradient(published_isqrt, fields["x"], fields["grad_out"])
    torch.testing.assert_close(y, fields["y"], **TOLERANCE)
    torch.testing.assert_close(grad, fields["grad_in"], **TOLERANCE)
