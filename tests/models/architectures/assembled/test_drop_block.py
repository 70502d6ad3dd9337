import pytest
import torch

from covpool.models.architectures.assembled.drop_block import DropBlock, drop_squares, seed_rate, spread


def test_a_seed_drops_one_square_and_the_rest_keeps_the_sum():
    seeds = torch.zeros(1, 1, 3, 3)
    seeds[..., 1, 1] = 1
    mask = spread(seeds, 3)
    expected = torch.ones(5, 5)
    expected[1:4, 1:4] = 0
    assert torch.equal(mask[0, 0], expected)
    y = drop_squares(torch.ones(4, 1, 5, 5), seeds, 3)
    torch.testing.assert_close(y.sum(), torch.tensor(100.0))


def test_one_mask_serves_the_whole_batch_and_each_channel_has_its_own():
    torch.manual_seed(0)
    y = DropBlock(keep_prob=0.5)(torch.ones(3, 8, 9, 9))
    assert torch.equal(y[0], y[1])
    assert torch.equal(y[0], y[2])
    assert not all(torch.equal(y[0, 0], y[0, i]) for i in range(8))


def test_evaluation_and_a_keep_prob_of_one_drop_nothing_whatever_the_map():
    x = torch.ones(1, 2, 3, 3)
    assert DropBlock(keep_prob=1.0).train()(x) is x
    assert DropBlock(keep_prob=0.5).eval()(x) is x


def test_the_share_that_is_dropped_follows_the_seed_rate():
    torch.manual_seed(0)
    drop = DropBlock(keep_prob=0.9)
    dropped = (drop(torch.ones(1, 20000, 7, 7)) == 0).float().mean()
    assert dropped == pytest.approx(seed_rate(7, 7, 0.9, 7), rel=0.1)  # one place for the square: all or nothing


def test_half_precision_counts_its_positions_in_float32():
    torch.manual_seed(0)
    y = DropBlock(keep_prob=0.9)(torch.ones(1, 4000, 7, 7, dtype=torch.float16))  # 196,000 positions: above float16
    assert y.dtype == torch.float16
    assert y.max() < 1.3


@pytest.mark.parametrize("keep_prob", [0.0, 1.1])
def test_what_is_no_probability_is_refused(keep_prob):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        DropBlock(keep_prob=keep_prob)


def test_maps_smaller_than_the_block_are_refused_in_training():
    with pytest.raises(ValueError, match="at least 7x7 in training; got 6x9"):
        DropBlock(keep_prob=0.9)(torch.ones(1, 2, 6, 9))
