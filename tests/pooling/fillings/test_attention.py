import pytest
import torch
import torch.nn.functional as F

from covpool.pooling.fillings.attention import AttentionMean, ResidualDictionary


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_attention_is_a_weighted_mean_of_descriptors():
    module, x = AttentionMean(4, hidden=3).double(), draw(2, 4, 9)
    rows = x.mT
    scores = module.score(torch.tanh(module.inner(rows))).softmax(1)
    torch.testing.assert_close(module(x), (rows * scores).sum(1))
    torch.testing.assert_close(module.weights(x).sum(-1), torch.ones(2, 1, dtype=x.dtype))


def test_huge_features_leave_the_attention_soft():
    module = AttentionMean(4, hidden=3)
    assert module.weights(1e6 * torch.rand(2, 4, 9)).min() > 0


def test_residuals_equal_a_naive_loop():
    module, x = ResidualDictionary(4, clusters=3).double(), draw(2, 4, 9)
    expected = []
    for image in x:
        unit = F.normalize(image, dim=0)
        shares = module.assign(unit.T).softmax(-1)
        sums = [sum(shares[i, k] * (unit[:, i] - module.centers[k]) for i in range(9)) for k in range(3)]
        expected.append(F.normalize(torch.cat([F.normalize(v, dim=0) for v in sums]), dim=0))
    torch.testing.assert_close(module(x), torch.stack(expected))


def test_assignments_start_from_distances_to_the_centers():
    x = F.normalize(draw(4, 9), dim=0)
    torch.set_default_dtype(torch.float64)  # the weights are made of the centers at once, in the precision of both
    try:
        module = ResidualDictionary(4, clusters=3, alpha=5.0)
    finally:
        torch.set_default_dtype(torch.float32)
    distances = (x.T[:, None] - module.centers).square().sum(-1)
    torch.testing.assert_close(module.assign(x.T).softmax(-1), (-5 * distances).softmax(-1))


def test_sizes_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="clusters of at least 1"):
        ResidualDictionary(4, clusters=0)
    with pytest.raises(ValueError, match="at least 1 hidden"):
        AttentionMean(4, hidden=0)
