import random
from itertools import chain

import numpy as np
import pytest
import torch

from covpool.data import SampleOrder
from covpool.data.order import permutation, private_random_numbers, seed_sample


def indices(order, epoch=0, start=0):
    order.set_state(epoch, start)
    return [request.indices.tolist() for request in order]


def test_an_epoch_shows_every_picture_once():
    batches = indices(SampleOrder(10, 4, seed=1))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert sorted(chain(*batches)) == list(range(10))


def test_the_order_is_a_function_of_seed_and_epoch():
    order = SampleOrder(50, 8, seed=1)
    assert indices(order, 3) == indices(order, 3) == indices(SampleOrder(50, 8, seed=1), 3)
    assert indices(order, 3) != indices(order, 4)
    assert indices(order, 3) != indices(SampleOrder(50, 8, seed=2), 3)


def test_the_batch_size_does_not_change_the_order():
    assert list(chain(*indices(SampleOrder(50, 8, seed=1)))) == permutation(50, 1, 0).tolist()


def test_a_start_in_the_middle_gives_the_rest():
    order = SampleOrder(50, 8, seed=1, drop_last=True)
    assert len(order) == 6
    assert indices(order, 2, 4) == indices(order, 2)[4:]
    assert indices(order, 2, 6) == []


def test_without_a_seed_the_order_is_that_of_the_set():
    assert indices(SampleOrder(5, 2, None), 7) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: SampleOrder(5, 0, 0), "batch_size needs to be at least 1; got 0"),
        (lambda: SampleOrder(5, 8, 0, drop_last=True), "5 pictures do not fill a batch of 8"),
        (lambda: SampleOrder(5, 2, 0).set_state(0, 4), "a batch from 0 to 3; got 0 and 4"),
        (lambda: SampleOrder(5, 2, 0).set_state(-1), "got -1"),
    ],
)
def test_wrong_values_are_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def drawn():
    return torch.rand(1).item(), random.random(), float(np.random.rand())


def test_private_numbers_leave_the_generators_as_they_were():
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    expected = drawn()
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    with private_random_numbers():
        seed_sample(0, 0, 0)
        drawn()
    assert drawn() == expected


def test_every_generator_of_a_sample_depends_on_seed_epoch_and_index():
    seen = []
    with private_random_numbers():
        for which in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0, 0)]:
            seed_sample(*which)
            seen.append(drawn())
    assert seen[0] == seen[-1]
    for position in range(3):
        assert len({numbers[position] for numbers in seen}) == 4


@pytest.mark.parametrize("length", [0, 2, 5, 7, 8, 9, 10, 17, 30, 31])
@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_ranks_share_an_epoch_without_loss_or_repetition(length, world_size, batch_size):
    if 0 < length < world_size:
        return
    ranks = [
        indices(SampleOrder(length, batch_size, 1, rank=rank, world_size=world_size), 3) for rank in range(world_size)
    ]
    assert sorted(chain(*chain(*ranks))) == list(range(length))
    assert len({len(batches) for batches in ranks}) == 1
    assert all(len(batch) in range(1, batch_size + 2) for batches in ranks for batch in batches)


def test_a_round_holds_the_same_pictures_however_many_ranks_share_it():
    alone = indices(SampleOrder(54, 12, seed=1), 2)
    for world_size in (2, 3):
        shares = [
            indices(SampleOrder(54, 12 // world_size, seed=1, rank=rank, world_size=world_size), 2)
            for rank in range(world_size)
        ]
        for number, batch in enumerate(alone[:-1]):
            assert list(chain(*(share[number] for share in shares))) == batch


def test_full_rounds_only_where_asked():
    ranks = [indices(SampleOrder(30, 4, 1, drop_last=True, rank=rank, world_size=2)) for rank in range(2)]
    assert [[len(batch) for batch in batches] for batches in ranks] == [[4, 4, 4]] * 2


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: SampleOrder(5, 1, 0, rank=2, world_size=2), "from 0 to world_size - 1; got 2 of 2"),
        (lambda: SampleOrder(2, 1, 0, world_size=3), "2 pictures cannot be shared by 3 ranks"),
        (lambda: SampleOrder(5, 3, 0, drop_last=True, world_size=2), "a batch of 3 on each of 2 ranks"),
    ],
)
def test_ranks_that_make_no_sense_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_the_first_epochs_may_have_batches_of_another_size():
    order = SampleOrder(10, 3, seed=1, early=(2, 4))
    assert [order.batches(epoch) for epoch in range(4)] == [3, 3, 4, 4]
    assert [len(batch) for batch in indices(order, 1)] == [4, 4, 2]
    assert [len(batch) for batch in indices(order, 2)] == [3, 3, 3, 1]
    assert list(chain(*indices(order, 1))) == permutation(10, 1, 1).tolist()
    assert indices(order, 1, 2) == indices(order, 1)[2:]
