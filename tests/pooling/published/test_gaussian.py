import torch
import torch.nn.functional as F

from covpool import functional
from covpool.pooling import create_pool


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_gaussian_embedding_squares_to_mean_and_covariance():
    x = draw(2, 4, 3, 5)
    pool = create_pool("g2denet", 4)
    assert pool.out_features == 5 * 6 // 2
    root = functional.from_triangle(pool(x))
    torch.testing.assert_close(root @ root, functional.moment_matrix(x.flatten(2)))


def test_rotating_the_channels_rotates_all_but_the_last_row_of_the_embedding():
    x = draw(2, 4, 3, 5)
    q, _ = torch.linalg.qr(draw(4, 4, seed=1))
    larger = torch.block_diag(q, torch.ones(1, 1, dtype=q.dtype))
    pool = create_pool("g2denet", 4)
    rotated = functional.from_triangle(pool(torch.einsum("dc,bchw->bdhw", q, x)))
    torch.testing.assert_close(rotated, larger @ functional.from_triangle(pool(x)) @ larger.T)


def test_the_sketch_of_monet_is_that_of_the_root_and_keeps_its_inner_products():
    """The sketch is linear in the matrix, so that of the root is a sum over its entries."""
    x = draw(2, 3, 3, 5)
    pool = create_pool("monet", 3, width=64, eps=0.0)
    sketch = pool.normalize[1]
    root = functional.matrix_power(functional.moment_matrix(x.flatten(2)), 0.5)
    naive = torch.zeros(2, 64, dtype=x.dtype)
    for i in range(4):
        for j in range(4):
            to = int(sketch.bins[0, i] + sketch.bins[1, j]) % 64
            naive[:, to] += sketch.signs[0, i] * sketch.signs[1, j] * root[:, i, j]
    torch.testing.assert_close(pool.normalize[:2](pool.describe(x.flatten(2))), naive)
    torch.testing.assert_close(pool(x), F.normalize(naive.sign() * naive.abs().sqrt()), rtol=1e-6, atol=1e-6)
