import pytest
import sklearn.covariance
import torch
from torch.autograd import gradcheck

from covpool.functional import covariance, shrunk_covariance

SKLEARN = {"ledoit-wolf": sklearn.covariance.ledoit_wolf, "oas": sklearn.covariance.oas}
METHODS = pytest.mark.parametrize("method", list(SKLEARN))


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@METHODS
@pytest.mark.parametrize("shape", [(3, 4, 60), (2, 9, 5), (1, 5, 2), (2, 2, 500)])
def test_it_equals_scikit_learn(method, shape):
    x = draw(*shape) * torch.linspace(0.2, 3, shape[1], dtype=torch.float64).unsqueeze(-1)
    for image, shrunk in zip(x, shrunk_covariance(x, method=method), strict=True):
        torch.testing.assert_close(shrunk, torch.from_numpy(SKLEARN[method](image.T.numpy())[0]))


@METHODS
def test_it_keeps_the_trace_has_full_rank_and_scales_with_the_square(method):
    x = draw(2, 9, 5)
    shrunk = shrunk_covariance(x, method=method)
    torch.testing.assert_close(
        shrunk.diagonal(dim1=-2, dim2=-1).sum(-1), covariance(x).diagonal(dim1=-2, dim2=-1).sum(-1)
    )
    assert torch.linalg.eigvalsh(shrunk).min() > 0
    torch.testing.assert_close(shrunk_covariance(1e8 * x, method=method), 1e16 * shrunk)


@METHODS
def test_rotating_the_channels_rotates_the_result(method):
    x = draw(2, 4, 7)
    q, _ = torch.linalg.qr(draw(4, 4, seed=1))
    torch.testing.assert_close(shrunk_covariance(q @ x, method=method), q @ shrunk_covariance(x, method=method) @ q.T)


@METHODS
def test_a_constant_map_gives_zero_and_a_finite_gradient(method):
    x = torch.ones(1, 3, 5, requires_grad=True)
    shrunk = shrunk_covariance(x, method=method)
    shrunk.sum().backward()
    assert (shrunk == 0).all()
    assert x.grad.isfinite().all()


@METHODS
def test_the_share_stays_in_range_for_huge_and_tiny_float32(method):
    x = draw(2, 4, 30).float()
    for size in (1e-4, 1e4, 1e9):
        torch.testing.assert_close(
            shrunk_covariance(size * x, method=method) / size**2, shrunk_covariance(x, method=method)
        )


@METHODS
def test_gradients_are_true(method):
    assert gradcheck(lambda x: shrunk_covariance(x, method=method), (draw(2, 3, 8).requires_grad_(),))


def test_an_unknown_method_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'ledoit-wolf'"):
        shrunk_covariance(torch.ones(2, 3), method="ledoit")
