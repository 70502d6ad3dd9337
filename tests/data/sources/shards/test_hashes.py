import hashlib
import json

import pytest

from covpool.data import BadSource
from covpool.data.sources.shards.hashes import read_hashes
from covpool.data.sources.shards.store import Store


@pytest.fixture
def prepared(tmp_path):
    (tmp_path / "train-000000.tar").write_bytes(b"a shard")
    part = {"file": "train-000000.tar", "sha256": hashlib.sha256(b"a shard").hexdigest()}
    (tmp_path / "dataset.json").write_text(json.dumps({"splits": {"train": {"parts": [part]}}}))
    return tmp_path


def test_a_copy_is_compared_with_its_hash_and_so_is_one_that_was_not(prepared):
    shard, hashes = f"file://{prepared}/train-000000.tar", read_hashes(prepared / "dataset.json")
    assert Store(prepared / "c", hashes=hashes).fetched(shard).read_bytes() == b"a shard"
    (prepared / "train-000000.tar").write_bytes(b"another")
    assert Store(prepared / "d").fetched(shard).read_bytes() == b"another"
    with pytest.raises(BadSource, match="its SHA-256 is another"):
        Store(prepared / "d", hashes=hashes).fetched(shard)
    with pytest.raises(BadSource, match="not among the shards"):
        Store(prepared / "d", hashes={}).fetched(shard)
    assert len(list((prepared / "d" / "shards").iterdir())) == 1


@pytest.mark.parametrize("text", ["", "[1]", "[" * 9999, '{"splits": {"train": 3}}', '{"splits": 1}'])
def test_another_file_holds_no_hashes(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(BadSource, match="holds no hashes of shards"):
        read_hashes(tmp_path / "dataset.json")
    with pytest.raises(BadSource, match="holds no hashes of shards"):
        read_hashes(tmp_path / "absent.json")
