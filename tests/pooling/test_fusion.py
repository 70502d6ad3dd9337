import pytest
import torch

from covpool.observe import observe
from covpool.pooling import SecondOrderPool, create_pool
from covpool.pooling.describe import Covariance
from covpool.pooling.fusion import fused_function
from covpool.pooling.normalize import MatrixSqrt
from covpool.pooling.vectorize import Flat, Triangle


def test_watching_a_slot_changes_no_value():
    pool, x = create_pool("isqrt", 5), torch.rand(2, 5, 3, 3, dtype=torch.float64)
    fused = pool(x)
    with observe(pool, "describe") as seen:
        watched = pool(x)
    assert seen["describe"].shape == (2, 5, 5)
    torch.testing.assert_close(watched, fused, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "slots",
    [
        (Covariance(center=False), MatrixSqrt(), Triangle(5)),
        (Covariance(), MatrixSqrt(method="eig"), Triangle(5)),
        (Covariance(), MatrixSqrt(), Flat(5)),
    ],
    ids=["uncentred", "eig", "flat"],
)
def test_only_the_chain_that_the_function_equals_is_fused(slots):
    assert fused_function(*slots) is None
    pool = SecondOrderPool(5, describe=slots[0], normalize=slots[1], vectorize=slots[2])
    x = torch.rand(2, 5, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(pool(x), slots[2](slots[1](slots[0](x.flatten(2)))))


def test_the_fused_chain_keeps_the_ridge():
    slots = Covariance(ridge=0.1), MatrixSqrt(), Triangle(5)
    pool = SecondOrderPool(5, describe=slots[0], normalize=slots[1], vectorize=slots[2])
    x = torch.rand(2, 5, 3, 3, dtype=torch.float64)
    assert fused_function(*slots) is not None
    torch.testing.assert_close(pool(x), slots[2](slots[1](slots[0](x.flatten(2)))), rtol=1e-12, atol=1e-13)
