import torch

from covpool.data.order import sample_seed
from covpool.data.whole.first_draws import first_draws


def drawn(seed):
    return torch.rand((), generator=torch.Generator().manual_seed(seed)).item()


def test_first_draws_have_the_bits_of_torchs_generators():
    seeds = [0, 1, 5489, 2**31, 2**32 - 1, 2**32, 2**63 + 7, 2**64 - 1, *(sample_seed(0, 1, i) for i in range(300))]
    assert first_draws(seeds).tolist() == [drawn(seed) for seed in seeds]


def test_no_seeds_give_no_draws():
    assert first_draws([]).shape == (0,)
