import errno
import threading

import fsspec
import pytest

from covpool.data import BadSource, open_images
from covpool.data.sources.shards import fetch
from covpool.data.sources.shards.fetch import Abandoned, copy_to
from covpool.data.sources.shards.store import Store
from data.sources.shards.servers import serving
from data.tars import value_of, write_shards


@pytest.fixture
def waited(monkeypatch):
    """Seconds that would have been slept between tries."""
    seconds = []
    monkeypatch.setattr(fetch.time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def served(tmp_path):
    write_shards(tmp_path / "served", "train", [3, 4])
    return tmp_path / "served"


def test_shards_of_a_server_are_fetched_once(served, tmp_path):
    with serving(served) as (address, asked):
        name = f"{address}/train-{{0000..0001}}.tar"
        source = open_images(name, cache=tmp_path / "cache", val_fraction=0)
        assert [value_of(source.train.read(i)) for i in range(7)] == list(range(7))
        before = len(asked)
        assert len(open_images(name, cache=tmp_path / "cache", val_fraction=0).train) == 7
        assert len(asked) == before


@pytest.mark.parametrize("fault", [500, 503, 429, "cut", "wrong length"])
def test_a_passing_fault_is_outlived(served, tmp_path, waited, fault):
    with serving(served, {"train-0000.tar": [fault, fault]}) as (address, asked):
        copy = Store(tmp_path).fetched(f"{address}/train-0000.tar")
    assert copy.read_bytes() == (served / "train-0000.tar").read_bytes()
    assert asked == ["train-0000.tar"] * 3
    assert waited == [0.5, 1.0]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (500, r"after 5 tries \(HTTP Error 500"),
        ("cut", r"after 5 tries \(.*; check the connection"),
        ("wrong length", r"after 5 tries \(.*; check the connection"),
    ],
)
@pytest.mark.parametrize("limit", [None, 10**6])
def test_a_lasting_fault_is_one_sentence_and_leaves_nothing(served, tmp_path, waited, fault, sentence, limit):
    with serving(served, {"train-0000.tar": [fault] * 5}) as (address, asked):
        with pytest.raises(BadSource, match=sentence):
            Store(tmp_path, limit).fetched(f"{address}/train-0000.tar")
        assert len(asked) == 5
    assert waited == [0.5, 1.0, 2.0, 4.0]
    assert list((tmp_path / "shards").iterdir()) == []


def test_what_is_absent_is_not_asked_for_again(served, tmp_path, waited):
    with serving(served) as (address, asked), pytest.raises(BadSource, match="HTTP 404"):
        Store(tmp_path).fetched(f"{address}/none.tar")
    assert asked == ["none.tar"]
    with pytest.raises(BadSource, match=r"cannot be had \(FileNotFoundError"):
        Store(tmp_path).fetched("memory://nothing/a.tar")
    with pytest.raises(BadSource, match=r"after 5 tries \(.*refused"):
        Store(tmp_path).fetched("http://127.0.0.1:9/a.tar")
    assert list((tmp_path / "shards").iterdir()) == []


def test_a_server_that_states_no_length_is_believed(served, tmp_path):
    with serving(served, {"train-0000.tar": ["no length"]}) as (address, _):
        copy = Store(tmp_path, 10**6).fetched(f"{address}/train-0000.tar")
    assert copy.read_bytes() == (served / "train-0000.tar").read_bytes()


def test_a_command_that_fails_is_named_with_what_it_said(tmp_path):
    with pytest.raises(BadSource, match=r"ended with 1 \(cat: .*No such file"):
        Store(tmp_path).fetched("pipe:cat /nonexistent.tar")


@pytest.mark.parametrize("scheme", ["memory://box/a-0000.tar", "file://{}", "simplecache::memory://box/a-0000.tar"])
def test_protocols_of_fsspec_are_read(served, tmp_path, scheme):
    content = (served / "train-0001.tar").read_bytes()
    with fsspec.open("memory://box/a-0000.tar", "wb") as file:
        file.write(content)
    assert Store(tmp_path).fetched(scheme.format(served / "train-0001.tar")).read_bytes() == content


def test_a_protocol_that_nobody_knows_is_named(tmp_path, waited):
    with pytest.raises(BadSource, match=r"cannot be had \(Protocol not known: nonsense"):
        Store(tmp_path).fetched("nonsense://a/b.tar")
    assert waited == []


class Grudging(fsspec.AbstractFileSystem):
    """States more bytes than it gives, and refuses at first."""

    protocol = "grudging"
    cachable = False
    refusals = []

    def info(self, path, **_):
        if self.refusals:
            raise self.refusals.pop()
        return {"name": path, "size": 3, "type": "file"}

    def _fetch_range(self, path, start, end):
        return b"ab"[start:end]

    def open(self, path, mode="rb", **_):
        from io import BytesIO

        return BytesIO(b"ab")


def test_sizes_are_checked_against_those_of_the_remote(tmp_path, waited):
    fsspec.register_implementation("grudging", Grudging, clobber=True)
    Grudging.refusals = [TimeoutError("no answer")]
    with pytest.raises(BadSource, match=r"after 5 tries \(2 of 3 bytes came\)"):
        Store(tmp_path).fetched("grudging://a.tar")
    assert list((tmp_path / "shards").iterdir()) == []
    Grudging.refusals = [PermissionError("not yours")]
    with pytest.raises(BadSource, match=r"cannot be had \(PermissionError: not yours\)"):
        Store(tmp_path).fetched("grudging://a.tar")


def test_a_full_disk_is_told_apart_from_a_bad_connection(served, tmp_path, waited, monkeypatch):
    class Full:
        """A file on a disk without room."""

        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, piece):
            raise OSError(errno.ENOSPC, "No space left on device")

    part = tmp_path / "part"
    real = type(part).open

    def opened(self, *words):
        return Full(real(self, *words)) if self == part else real(self, *words)

    monkeypatch.setattr(type(part), "open", opened)
    with serving(served) as (address, asked), pytest.raises(BadSource, match=r"No space left.*#limit=SIZE"):
        copy_to(f"{address}/train-0000.tar", part, lambda size: part.touch())
    assert len(asked) == 1


def test_a_transfer_nobody_waits_for_ends(served, tmp_path):
    stop = threading.Event()
    stop.set()
    with serving(served) as (address, _), pytest.raises(Abandoned):
        Store(tmp_path).fetched(f"{address}/train-0000.tar", stop)
    assert list((tmp_path / "shards").iterdir()) == []
