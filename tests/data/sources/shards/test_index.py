import dataclasses

import numpy as np
import pytest

from covpool.data.sources.shards.index import index_shard, load_index, save_index
from data.tars import png, write_tar
from formats.damage import damaged, put


@pytest.fixture
def indexed(tmp_path):
    members = [("a.png", png(0)), ("a.cls", b"dog"), ("b.png", png(1)), ("b.cls", b"cat"), ("c.png", png(2))]
    return index_shard(write_tar(tmp_path / "train-0.tar", members))


def test_what_is_remembered_is_what_was_found(indexed, tmp_path):
    save_index(indexed, tmp_path / "kept" / "0.npz")
    again = load_index(tmp_path / "kept" / "0.npz")
    for field in dataclasses.fields(indexed):
        one, two = getattr(indexed, field.name), getattr(again, field.name)
        assert np.array_equal(one, two) if isinstance(one, np.ndarray) else one == two
    assert indexed.words == ["dog", "cat"]
    assert indexed.mistakes == ["1 sample with no label (.cls, .json or a folder)"]
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["0.npz"]


def test_a_damaged_memory_is_none(indexed, tmp_path):
    import random

    place, rng = tmp_path / "0.npz", random.Random(2)
    assert load_index(place) is None
    save_index(indexed, place)
    whole = place.read_bytes()
    for _ in range(60):
        put(place, damaged(rng, whole))
        found = load_index(place)
        assert found is None or len(found.keys) == len(found.labels)
    np.savez(place, texts=np.array([print], dtype=object), allow_pickle=True)
    assert load_index(place) is None
