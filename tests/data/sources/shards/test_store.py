import os
import signal
from multiprocessing import get_context

import fsspec
import pytest

from covpool.data import BadSource
from covpool.data.sources.shards.store import Store

SIZE = 1000
NAMES = [f"memory://store/{n}.tar" for n in range(6)]


@pytest.fixture(autouse=True)
def remote():
    for n, name in enumerate(NAMES):
        with fsspec.open(name, "wb") as file:
            file.write(bytes([n]) * SIZE)


def held(store):
    """Numbers of the shards that are here."""
    return [n for n, name in enumerate(NAMES) if store.path_of(name).exists()]


def age(store, *numbers):
    """These were read long ago, the first the longest ago."""
    for place, n in enumerate(numbers):
        os.utime(store.path_of(NAMES[n]), (1000 + place, 1000 + place))


def test_the_least_recently_read_go_first(tmp_path):
    store = Store(tmp_path, 3 * SIZE)
    for n in (0, 1, 2):
        store.fetched(NAMES[n])
    age(store, 1, 0, 2)
    store.fetched(NAMES[3])
    assert held(store) == [0, 2, 3]
    os.close(store.opened(NAMES[0], SIZE))  # is read now
    store.fetched(NAMES[4])
    assert held(store) == [0, 3, 4]


def test_without_a_limit_nothing_goes(tmp_path):
    store = Store(tmp_path)
    for name in NAMES:
        store.fetched(name)
    assert held(store) == list(range(6))


def test_what_is_gone_or_cut_is_fetched_again_when_it_is_read(tmp_path):
    store = Store(tmp_path)
    path = store.fetched(NAMES[1])
    for damage in (path.unlink, lambda: os.truncate(path, 10)):
        damage()
        descriptor = store.opened(NAMES[1], SIZE)
        assert os.pread(descriptor, SIZE, 0) == bytes([1]) * SIZE
        os.close(descriptor)


def test_a_shard_that_changed_since_it_was_indexed_is_named(tmp_path):
    with pytest.raises(BadSource, match="another size than when it was indexed"):
        Store(tmp_path).opened(NAMES[1], SIZE - 1)


def test_a_shard_larger_than_the_limit_is_named(tmp_path):
    with pytest.raises(BadSource, match="a shard has 1,000 bytes, and all copies together may have 999"):
        Store(tmp_path, SIZE - 1).fetched(NAMES[0])


def test_what_a_killed_transfer_left_counts_for_nothing(tmp_path):
    store = Store(tmp_path, 2 * SIZE)
    store.fetched(NAMES[0])
    (tmp_path / "shards" / f"{store.path_of(NAMES[5]).name}.part").write_bytes(bytes(SIZE))
    (tmp_path / "shards" / f"{store.path_of(NAMES[1]).name}.part").write_bytes(b"half")
    store.fetched(NAMES[1])
    assert held(store) == [0, 1]
    assert not list((tmp_path / "shards").glob("*.part"))


def _busy(folder, limit, seed, results):
    """Read shards at random and watch the sum; the parent checks what is said."""
    import random

    for n, name in enumerate(NAMES):  # memory:// is that of this process
        with fsspec.open(name, "wb") as file:
            file.write(bytes([n]) * SIZE)
    store, chance = Store(folder, limit), random.Random(seed)
    most = 0
    for _ in range(20):
        n = chance.randrange(len(NAMES))
        descriptor = store.opened(NAMES[n], SIZE)
        assert os.pread(descriptor, SIZE, 0) == bytes([n]) * SIZE
        os.close(descriptor)
        most = max(most, sum(size for _, _, size in store._held()))
    results.put(most)


@pytest.mark.slow
def test_processes_share_a_folder_within_its_limit(tmp_path):
    context = get_context("forkserver")
    context.set_forkserver_preload(["covpool.data"])
    results = context.Queue()
    limit = 3 * SIZE
    processes = [context.Process(target=_busy, args=(tmp_path, limit, seed, results)) for seed in range(2)]
    for process in processes:
        process.start()
    assert all(results.get(timeout=120) <= limit for _ in processes)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


def _dies(folder):
    """Is killed when half of a shard has come."""
    from covpool.data.sources.shards import fetch

    def half(stream, part, stop):
        part.write_bytes(stream.read(SIZE // 2))
        os.kill(os.getpid(), signal.SIGKILL)

    fetch._pour = half
    with fsspec.open(NAMES[0], "wb") as file:
        file.write(bytes(SIZE))
    Store(folder, 2 * SIZE).fetched(NAMES[0])


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_no_copy_and_no_lock(tmp_path):
    process = get_context("forkserver").Process(target=_dies, args=(tmp_path,))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    store = Store(tmp_path, 2 * SIZE)
    assert [path.suffix for path in (tmp_path / "shards").iterdir()] == [".part"]
    assert store.fetched(NAMES[0]).read_bytes() == bytes(SIZE)
    assert [path.suffix for path in (tmp_path / "shards").iterdir()] == [".tar"]
