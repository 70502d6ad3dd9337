import pytest
import torch

from covpool import functional
from covpool.pooling.fillings.channels import (
    Correlation,
    DistanceCovariance,
    KernelMatrix,
    MomentMatrix,
    ShrunkCovariance,
    SparseInverse,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (Correlation(), functional.correlation),
        (ShrunkCovariance(method="oas"), lambda x: functional.shrunk_covariance(x, method="oas")),
        (
            SparseInverse(penalty=0.3, steps=4),
            lambda x: functional.sparse_inverse(functional.covariance(x), penalty=0.3, steps=4),
        ),
        (MomentMatrix(), functional.moment_matrix),
        (DistanceCovariance(scale=0.7), lambda x: functional.distance_covariance(x, scale=0.7)),
        (KernelMatrix(gamma=2.0), lambda x: functional.kernel_matrix(x, 2.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_module_is_its_function(module, function):
    x = draw(2, 4, 9)
    torch.testing.assert_close(module.double()(x), function(x))


@pytest.mark.parametrize("module", [DistanceCovariance(), KernelMatrix()])
def test_the_learned_number_gets_a_gradient_and_can_be_held(module):
    module.double()(draw(2, 4, 9)).square().sum().backward()
    assert all(p.grad is not None and p.grad != 0 for p in module.parameters())
    assert not any(p.requires_grad for p in DistanceCovariance(learn_scale=False).parameters())
    assert not any(p.requires_grad for p in KernelMatrix(learn_gamma=False).parameters())


def test_values_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="scale above 0; got 0"):
        DistanceCovariance(scale=0)
    with pytest.raises(ValueError, match="gamma above 0; got -1"):
        KernelMatrix(gamma=-1)
    with pytest.raises(ValueError, match="positive penalty"):
        SparseInverse(penalty=-1)
    with pytest.raises(ValueError, match="did you mean 'oas'"):
        ShrunkCovariance(method="oaz")
