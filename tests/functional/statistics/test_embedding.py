import torch
from torch.autograd import gradcheck

from covpool.functional import covariance, moment_matrix


def test_the_blocks_are_second_moment_mean_and_one():
    x = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean = x.mean(-1)
    m = moment_matrix(x)
    torch.testing.assert_close(m[:, :3, :3], covariance(x) + mean.unsqueeze(-1) * mean.unsqueeze(-2))
    torch.testing.assert_close(m[:, :3, 3], mean)
    torch.testing.assert_close(m[:, 3, :3], mean)
    torch.testing.assert_close(m[:, 3, 3], torch.ones(2, dtype=m.dtype))
    assert torch.linalg.eigvalsh(m).min() > -1e-12
    assert gradcheck(moment_matrix, (x.requires_grad_(),))
