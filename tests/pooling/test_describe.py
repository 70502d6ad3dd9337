import pytest
import torch
from torch.autograd import gradcheck

from covpool.pooling import create_pool
from covpool.pooling.describe import CrossCovariance, TensorSketch
from covpool.pooling.published import gcp_opt


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_each_head_is_the_cross_covariance_of_its_two_projections():
    describe, x = CrossCovariance(5, heads=2, head_dim=3).double().eval(), draw(2, 5, 7)
    found = describe(x)
    query, key = (describe.project.weight @ x).split(6, dim=1)
    for head in range(2):
        q, k = (side[:, 3 * head : 3 * head + 3] for side in (query, key))
        q, k = (side - side.mean(-1, keepdim=True) for side in (q, k))
        torch.testing.assert_close(found[:, head], q @ k.mT / 7)


def test_a_spare_projection_changes_nothing_but_the_weights():
    plain, spare = (CrossCovariance(5, heads=2, head_dim=3, spare=choice).double().eval() for choice in (False, True))
    assert spare.project.weight.shape == (18, 5)
    plain.project.weight.data.copy_(spare.project.weight[:12])
    x = draw(2, 5, 7)
    assert torch.equal(plain(x), spare(x))


def test_a_shift_of_all_tokens_is_not_seen_unless_a_head_is_centred_by_one_number():
    x = draw(2, 5, 7)
    for center, blind in (("channel", True), ("head", False)):
        describe = CrossCovariance(5, heads=2, head_dim=3, center=center).double().eval()
        same = torch.allclose(describe(x + torch.arange(5.0)[:, None]), describe(x))
        assert same == blind


def test_tokens_and_entries_are_dropped_in_training_only():
    describe, x = CrossCovariance(5, heads=2, head_dim=3, entry_drop=0.5, token_drop=0.0).double(), draw(2, 5, 7)
    plain, dropped = describe.eval()(x), describe.train()(x)
    kept = dropped != 0
    assert 0 < kept.sum() < kept.numel()
    torch.testing.assert_close(dropped[kept], 2 * plain[kept])


@pytest.mark.parametrize("normalize", list(gcp_opt.of_tokens))
def test_every_normalisation_of_crosscov_has_a_true_gradient_and_bears_flat_maps(normalize):
    torch.manual_seed(0)
    pool = create_pool("crosscov", 5, heads=2, head_dim=3, normalize=normalize)
    flat = torch.ones(2, 5, 4, 1, requires_grad=True)
    y = pool.eval()(flat)
    y.sum().backward()
    assert y.isfinite().all()
    assert flat.grad.isfinite().all()
    torch.nn.init.normal_(pool.describe.project.weight)
    assert gradcheck(pool.double(), (draw(2, 5, 7, 1).requires_grad_(),), atol=1e-6)


@pytest.mark.parametrize("normalize", list(gcp_opt.after_drop))
def test_every_normalisation_of_dropcov_has_a_true_gradient_and_bears_flat_maps(normalize):
    torch.manual_seed(0)
    pool = create_pool("dropcov", 4, normalize=normalize).eval()
    for flat in (torch.ones(2, 4, 3, 3), torch.zeros(2, 4, 3, 3)):
        flat.requires_grad_()
        y = pool(flat)
        y.sum().backward()
        assert y.isfinite().all()
        assert flat.grad.isfinite().all()
    assert gradcheck(pool.double(), (draw(2, 4, 3, 3).requires_grad_(),), atol=1e-6)


def test_the_hashes_are_buffers_that_travel_with_the_weights():
    first, other = TensorSketch(6, width=16), TensorSketch(6, width=16, seed=2)
    x = draw(2, 6, 5)
    assert set(first.state_dict()) == {"bins", "signs"}
    assert not torch.equal(first(x), other(x))
    other.load_state_dict(first.state_dict())
    assert torch.equal(first(x), other(x))


def test_values_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="'channel' or 'head'; got 'token'"):
        create_pool("crosscov", 6, center="token")
    with pytest.raises(ValueError, match="drop rate"):
        create_pool("crosscov", 6, token_drop=-1.0)
    with pytest.raises(ValueError, match="width of at least 1"):
        create_pool("cbp", 6, width=0)
