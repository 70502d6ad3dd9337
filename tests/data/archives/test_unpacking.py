import gzip

import pytest

from covpool.data import BadSource
from covpool.data.archives import unpacking
from covpool.data.archives.unpacking import plain_tar
from data.archives import miniatures as made


def test_an_archive_is_unpacked_once_and_again_when_it_changes(tmp_path):
    packed = made.pack({"a.txt": b"1"}, tmp_path / "a.tgz")
    first = plain_tar(packed, tmp_path / "cache")
    written = first.stat().st_mtime_ns
    assert plain_tar(packed, tmp_path / "cache") == first
    assert first.stat().st_mtime_ns == written
    made.pack({"a.txt": b"other" * 100}, packed)
    assert plain_tar(packed, tmp_path / "cache") != first


def test_a_plain_tar_stays_where_it_is(tmp_path):
    packed = made.pack({"a.txt": b"1"}, tmp_path / "a.tar")
    assert plain_tar(packed, tmp_path / "cache") == packed
    assert not (tmp_path / "cache").exists()


def test_a_cut_archive_leaves_nothing_behind(tmp_path):
    packed = made.pack({"a.txt": bytes(range(256)) * 40}, tmp_path / "a.tgz")
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(BadSource, match="cut or damaged"):
        plain_tar(packed, tmp_path / "cache")
    assert list((tmp_path / "cache/unpacked").iterdir()) == []


def test_a_bomb_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "_ALWAYS_FINE", 1 << 16)
    packed = tmp_path / "a.tgz"
    packed.write_bytes(gzip.compress(bytes(1 << 22)))
    with pytest.raises(BadSource, match="decompression bomb"):
        plain_tar(packed, tmp_path / "cache")
    assert list((tmp_path / "cache/unpacked").iterdir()) == []
