"""Processes that meet again in a store with the traces of those before them."""

from concurrent.futures import ThreadPoolExecutor

import torch.distributed as dist

from covpool.training.distributed.meeting import agree_on_name


def meeting(store, size):
    with ThreadPoolExecutor(size) as pool:
        return set(pool.map(lambda rank: agree_on_name(store, rank, size), range(size)))


def test_each_meeting_has_one_name_that_no_other_has():
    store = dist.HashStore()
    names = [meeting(store, 3) for _ in range(4)]
    assert [len(found) for found in names] == [1] * 4
    assert len(set.union(*names)) == 4
