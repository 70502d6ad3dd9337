import threading

import numpy as np

from covpool.data.sources.shards.ahead import Ahead

NAMES = [f"{n}.tar" for n in range(8)]


class Slow:
    """A store whose transfers end when they are told to."""

    def __init__(self):
        self.begun, self.changed = [], threading.Condition()

    def touch(self, shards):
        pass

    def fetched(self, shard, stop):
        with self.changed:
            self.begun.append(shard)
            self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.begun) >= count, 60)
            return list(self.begun)


def test_shards_come_in_the_order_of_need_and_never_more_than_the_next(tmp_path):
    batches = [np.array([3, 3]), np.array([3, 1]), np.array([1]), np.array([0, 2]), np.array([5])]
    store = Slow()
    with Ahead(store, NAMES, batches, count=1) as ahead:
        assert store.wait_for(2) == ["3.tar", "1.tar"]
        assert not ahead._is_time()
        ahead.reached(1)
        assert store.wait_for(3)[2:] == ["0.tar"]
        assert not ahead._is_time()
        ahead.reached(3)
        assert sorted(store.wait_for(5)[3:]) == ["2.tar", "5.tar"]
    assert not any(thread.is_alive() for thread in ahead._threads)


def test_what_fails_is_left_to_the_one_who_needs_it():
    class Failing(Slow):
        def fetched(self, shard, stop):
            super().fetched(shard, stop)
            raise OSError("no connection")

    store = Failing()
    with Ahead(store, NAMES, [np.array([0]), np.array([1]), np.array([2])], count=8):
        assert sorted(store.wait_for(3)) == NAMES[:3]


def test_none_ahead_is_none():
    store = Slow()
    with Ahead(store, NAMES, [np.array([0])], count=0):
        pass
    assert store.begun == []
