import torch
from torch.autograd import gradcheck

from covpool.functional import residual_sums


def test_residual_sums_equal_a_naive_loop():
    x, shares, centers = (
        torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        for seed, shape in enumerate([(2, 3, 5), (2, 4, 5), (4, 3)])
    )
    naive = torch.zeros(2, 4, 3, dtype=torch.float64)
    for b in range(2):
        for k in range(4):
            for i in range(5):
                naive[b, k] += shares[b, k, i] * (x[b, :, i] - centers[k])
    torch.testing.assert_close(residual_sums(x, shares, centers), naive)
    assert gradcheck(residual_sums, tuple(t.requires_grad_() for t in (x, shares, centers)))
