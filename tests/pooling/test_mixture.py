import copy

import pytest
import torch

from covpool.functional import balance_loss
from covpool.observe import observe
from covpool.pooling import create_pool


def draw(*shape, seed=0, dtype=torch.float64):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x.abs().to(dtype)


def trained(name="gm-sop", **options):
    """A mixture whose gate has learned to tell images apart."""
    torch.manual_seed(0)
    pool = create_pool(name, 6, 4, candidates=5, active=2, **options).double()
    torch.nn.init.normal_(pool.gate.weight)
    return pool


@pytest.mark.parametrize("name", ["gm-sop", "gm-gap"])
def test_the_vector_is_the_weighted_sum_of_single_pools(name):
    pool, x = trained(name).eval(), draw(3, 6, 4, 4)
    with observe(pool, "gate") as seen:
        y = pool(x)
    expected = torch.zeros_like(y)
    for image, weights in enumerate(seen["gate"]):
        assert int((weights > 0).sum()) == 2
        for candidate in weights.nonzero().flatten().tolist():
            maps = x[image : image + 1]
            for layer in pool.candidates.weights:
                maps = torch.einsum("dc,bchw->bdhw", layer[candidate], maps).relu()
            expected[image] += weights[candidate] * pool.pool(maps)[0]
    torch.testing.assert_close(y, pool.normalize(expected))


def test_the_balance_loss_is_taken_from_the_observed_gate_and_trains_it():
    pool = trained().train()
    with observe(pool, "gate") as seen:
        pool(draw(4, 6, 4, 4))
    assert seen["gate"].shape == (4, 5)
    torch.testing.assert_close(seen["gate"].sum(1), torch.ones(4, dtype=torch.float64))
    balance_loss(seen["gate"]).backward()
    assert pool.gate.weight.grad.abs().sum() > 0
    assert not any(isinstance(value, torch.Tensor) for value in vars(pool).values())


def test_a_candidate_that_nobody_chose_gets_the_gradient_zero_and_its_weights_do_not_matter():
    pool, x = trained().eval(), draw(1, 6, 4, 4)
    with observe(pool, "gate") as seen:
        y = pool(x)
    y.square().sum().backward()
    idle = (seen["gate"][0] == 0).nonzero().flatten()
    other = copy.deepcopy(pool)
    for layer in other.candidates.weights:
        assert (layer.grad is None) or (layer.grad[idle] == 0).all()
        layer.data[idle] = float("nan")
    for layer in pool.candidates.weights:
        assert (layer.grad[idle] == 0).all()
        assert layer.grad.abs().sum() > 0
    assert torch.equal(other(x), y)


def test_at_the_start_training_tries_every_candidate():
    torch.manual_seed(0)
    pool = create_pool("gm-sop", 6, 4, candidates=8, active=2).train()
    with observe(pool, "gate") as seen:
        pool(draw(64, 6, 4, 4, dtype=torch.float32))
    assert (seen["gate"].sum(0) > 0).all()
    torch.testing.assert_close(seen["gate"].amax(1), torch.full((64,), 0.5))


def test_the_widths_are_those_of_the_released_networks():
    """The candidates, scores and normalisations of examples/GM, counted in its scripts."""
    pool = create_pool("gm-sop", 128)
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    assert pool.out_features == 8256
    assert count(pool.candidates) == 1_048_576
    assert pool.gate.weight.numel() + pool.gate.noise_weight.numel() == 264_192
    assert count(pool.gate.features) == 66_304
    wide = create_pool("gm-sop", 256, 128, hidden=512, gate=[512, 128])
    assert count(wide.candidates) == 3_145_728
    assert count(wide.gate.features) == 197_888
    first_order = create_pool("gm-gap", 128, 512)
    assert count(first_order.candidates) == 1_048_576
    assert count(first_order.gate.features) == 66_304
    assert count(create_pool("gm-gap", 256, 512, gate=[512]).candidates) == 2_097_152


def test_more_active_candidates_than_there_are_is_refused():
    with pytest.raises(ValueError, match="between 1 and all of its 4 candidates; got 5"):
        create_pool("gm-sop", 6, candidates=4, active=5)
