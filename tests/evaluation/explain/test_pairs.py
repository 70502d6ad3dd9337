import pytest
import torch

from covpool.evaluation.explain import ScaledHead, channel_pairs, contributions
from covpool.models.heads import Head
from covpool.pooling import create_pool
from pooling_cases import CHANNELS, NEEDED, draw

ALL = CHANNELS * (CHANNELS + 1) // 2


def explained(name, target=1, **options):
    torch.manual_seed(0)
    head = Head(create_pool(name, CHANNELS, **NEEDED.get(name, {}), **options), 3).double().eval()
    scale = ScaledHead(head, draw(1, CHANNELS, 4, 4), None, target)
    return scale, contributions(scale), head


@pytest.mark.parametrize("name", ["isqrt", "covariance", "bilinear", "threeg", "mpncov-eig", "improved-bilinear"])
def test_all_pairs_add_up_to_what_all_positions_do(name):
    scale, found, _ = explained(name)
    pairs = channel_pairs(scale, found, limit=ALL)
    assert sum(pair.amount for pair in pairs) == pytest.approx(found.positions.sum().item(), rel=1e-6)
    torch.testing.assert_close(sum(p.positions for p in pairs), found.positions, rtol=1e-6, atol=1e-12)
    for pair in pairs:
        assert pair.positions.sum().item() == pytest.approx(pair.amount)
        assert pair.first <= pair.second
    sizes = [abs(pair.amount) for pair in pairs]
    assert sizes == sorted(sizes, reverse=True)


def test_of_a_mixture_every_chosen_candidate_has_pairs():
    scale, found, _ = explained("gm-sop", candidates=3, active=2)
    pairs = channel_pairs(scale, found, limit=2 * ALL)
    assert {pair.candidate for pair in pairs} == {0, 1}
    torch.testing.assert_close(sum(p.positions for p in pairs), found.positions, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["covariance", "bilinear"])
def test_of_a_linear_statistic_a_pair_is_weight_times_entry(name):
    scale, found, head = explained(name)
    pairs = channel_pairs(scale, found, limit=ALL)
    for pair in pairs:
        if name == "covariance":
            assert pair.entry == pytest.approx(pair.amount)
    assert sum(pair.entry for pair in pairs) == pytest.approx(found.score - head.classifier.bias[1].item())


@pytest.mark.parametrize("name", ["avg", "cbp", "crosscov", "bdc", "kernel", "correlation"])
def test_pools_whose_statistic_is_no_such_sum_have_none(name):
    scale, found, _ = explained(name)
    assert channel_pairs(scale, found) == []
