import os
import pickle
import pickletools
import random
from contextlib import suppress

import numpy as np
import pytest

from covpool.formats import CorruptFile
from covpool.formats.pickled import read_plain_pickle
from formats.damage import damaged, put

BATCH = {
    "data": np.arange(60, dtype=np.uint8).reshape(5, 12),
    "labels": [1, 2, 3, 250, 70000, -5, 2**40],
    "mean": np.linspace(0, 1, 12),
    b"raw": b"\x00\xff\n'bytes",
    "names": ["cat\n", "katze\u00e4", ""],
    "nested": {1: [(), (1,), (1, 2, 3, 4), None, True, False, 1.5]},
    "large": np.arange(40000, dtype=">i4").reshape(200, 200).T,
    "count": np.int64(7),
}


def equal(one, other):
    if isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in other)
    return one == other


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("write", [pickle.dumps, pickle._dumps], ids=["c", "python"])
def test_plain_data_of_every_protocol_is_read_as_python_reads_it(tmp_path, protocol, write):
    (tmp_path / "batch").write_bytes(write(BATCH, protocol))
    assert equal(read_plain_pickle(tmp_path / "batch"), BATCH)


def test_a_batch_as_python_2_wrote_it_has_keys_of_bytes(tmp_path):
    """The steps of CIFAR-10's files: text of one byte a letter, numpy's names of that time, protocol 2."""
    content = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85"
        b"U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff"
        b"\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06abcdeftbU\x06labelsq\x08]q\t(K\x06K\teu."
    )
    (tmp_path / "batch").write_bytes(content)
    found = read_plain_pickle(tmp_path / "batch")
    assert found[b"labels"] == [6, 9]
    assert found[b"data"].tolist() == [[97, 98, 99], [100, 101, 102]]


def test_a_large_array_stays_in_the_file(tmp_path):
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": np.zeros((100, 12288), np.uint8)}, 4))
    data = read_plain_pickle(tmp_path / "batch")["data"]
    assert not data.flags.owndata
    assert not data.flags.writeable


class Attack:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("function", "given"),
    [
        (os.system, ("touch ran",)),
        (eval, ("open('ran', 'w')",)),
        (getattr, (os, "system")),
        (np.load, ("x",)),
        (bytearray, (10**12,)),
        (np.zeros, (10**12,)),
        (__import__, ("ran",)),
    ],
)
def test_code_is_named_and_never_run(tmp_path, monkeypatch, protocol, function, given):
    monkeypatch.chdir(tmp_path)
    attack = Attack(function, given) if function is not getattr else Attack(getattr, (Attack(eval, ("1",)), "x"))
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": [attack]}, protocol))
    with pytest.raises(CorruptFile, match=r"cannot read .*batch: it (asks|calls|has the step)"):
        read_plain_pickle("batch")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"(.",
        b"\x80\x09N.",
        b"r\xff\xff\xff\xff.",
        b"NR.",
        b"]]\x85\x85s.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"X\xff\xff\xff\xffabc.",
        b"I" + b"9" * 10**6 + b"\n.",
        b"L" + b"9" * 50 + b"\n",
        b"\x8b\xff\xff\xff\x7f" + bytes(100) + b".",
        b"h\x05.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"cposix\nsystem\n.",
        b"\x8c\x02os\x8c\x06system\x93.",
        b"(ios\nsystem\n.",
        b"Pabc\n.",
        b"\x82\x01.",
        b"\x97.",
        b"cnumpy\nndarray\n.",
        b"cnumpy\ndtype\n(S'O'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'V999999999999'\nI0\nI1\ntR.",
        b"\x80\x02]cnumpy\ndtype\n(S'u1'\nI0\nI1\ntRa.",
        b"}(NNd.",
    ],
)
def test_odd_pickles_are_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "batch").write_bytes(content)
    with pytest.raises(CorruptFile, match="batch"):
        read_plain_pickle(tmp_path / "batch")


def test_an_array_of_objects_is_refused(tmp_path):
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": np.array([[1], [2, 3]], dtype=object)}))
    with pytest.raises(CorruptFile, match="objects"):
        read_plain_pickle(tmp_path / "batch")


def test_doubled_tuples_take_no_time(tmp_path):
    """Every level holds the one below twice: to look at all of it would take 2**60 steps."""
    (tmp_path / "batch").write_bytes(b"N\x85" + b"q\x00h\x00\x86" * 60 + b".")
    assert len(read_plain_pickle(tmp_path / "batch")) == 2
    (tmp_path / "key").write_bytes(b"}N\x85" + b"q\x00h\x00\x86" * 60 + b"Ns.")
    with pytest.raises(CorruptFile, match="a key of type tuple"):
        read_plain_pickle(tmp_path / "key")


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_damaged_pickles_are_read_or_named(tmp_path, protocol):
    small = {name: value for name, value in BATCH.items() if name != "large"}
    whole, rng = pickletools.optimize(pickle.dumps(small, protocol)), random.Random(protocol)
    for _ in range(300):
        put(tmp_path / "batch", damaged(rng, whole))
        with suppress(CorruptFile):
            read_plain_pickle(tmp_path / "batch")
