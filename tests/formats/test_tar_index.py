import gzip
import io
import pickle
import random
import tarfile
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covpool.formats import BadTar, index_tar


def member(name, kind=tarfile.REGTYPE, size=0, linkname=""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, linkname
    return info


def tar_bytes(contents, format=tarfile.USTAR_FORMAT, extra=()):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for name, content in contents.items():
            tar.addfile(member(name, size=len(content)), io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return buffer.getvalue()


def written(tmp_path, content):
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    return path


CONTENTS = {"train/cat/1.jpg": b"abc", "train/dog/2.jpg": b"x" * 600, "val/cat/3.jpg": b""}
LONG = {f"train/{'a' * 120}/{'b' * 120}.jpg": b"long", "val/caf\u00e9 au lait/\u732b.png": b"unicode"}


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_file_is_found_with_its_bytes(tmp_path, format):
    contents = CONTENTS if format == tarfile.USTAR_FORMAT else {**CONTENTS, **LONG}
    index = index_tar(written(tmp_path, tar_bytes(contents, format)))
    assert {name: index.read(i) for i, name in enumerate(index.names)} == contents
    assert index.read(1, limit=3) == b"xxx"


def test_offsets_are_those_of_the_standard_library(tmp_path):
    path = written(tmp_path, tar_bytes({**CONTENTS, **LONG}, tarfile.PAX_FORMAT))
    index = index_tar(path)
    with tarfile.open(path) as tar:
        assert [(m.name, m.offset_data, m.size) for m in tar] == list(
            zip(index.names, index.offsets.tolist(), index.sizes.tolist(), strict=True)
        )


def test_leading_dots_and_doubled_slashes_are_dropped_and_folders_listed(tmp_path):
    content = tar_bytes(
        {"./train//cat/1.jpg": b"1"}, extra=[member(name, tarfile.DIRTYPE) for name in (".", "./train/dog")]
    )
    index = index_tar(written(tmp_path, content))
    assert index.names == ["train/cat/1.jpg"]
    assert index.folders == ["train/dog"]


def test_an_archive_without_members_has_no_names(tmp_path):
    assert index_tar(written(tmp_path, tar_bytes({}))).names == []


def test_sizes_in_gnu_binary_form_are_read(tmp_path):
    info = member("a.jpg", size=3)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + (3).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    index = index_tar(written(tmp_path, bytes(header) + b"abc" + bytes(509 + 1024)))
    assert index.read(0) == b"abc"


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (member("/etc/passwd"), "'/etc/passwd' is absolute"),
        (member("C:/x.jpg"), "is absolute"),
        (member("train/../../x.jpg"), "leads out of the archive"),
        (member("train/link.jpg", tarfile.SYMTYPE, linkname="/etc/passwd"), "'train/link.jpg' is a symbolic link"),
        (member("train/hard.jpg", tarfile.LNKTYPE, linkname="train/cat/1.jpg"), "is a hard link"),
        (member("dev/null", tarfile.CHRTYPE), "is a character device"),
        (member("dev/sda", tarfile.BLKTYPE), "is a block device"),
        (member("pipe.jpg", tarfile.FIFOTYPE), "is a pipe"),
        (member("train/cat/1.jpg"), "'train/cat/1.jpg' is in it twice"),
        (member("./."), "a file has no name"),
        (member(""), "a file has no name"),
    ],
    ids=lambda value: getattr(value, "name", None) or "",
)
def test_hostile_members_are_refused_by_name(tmp_path, extra, sentence):
    path = written(tmp_path, tar_bytes(CONTENTS, extra=[extra]))
    with pytest.raises(BadTar, match=sentence):
        index_tar(path)


def test_all_refused_members_are_reported_together(tmp_path):
    extra = [member(f"/abs/{i}") for i in range(9)]
    with pytest.raises(BadTar, match="and 4 more") as caught:
        index_tar(written(tmp_path, tar_bytes({}, extra=extra)))
    assert len(caught.value.mistakes) == 9
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_every_cut_is_noticed(tmp_path):
    whole = tar_bytes(CONTENTS)
    end_mark = next(i for i in range(512, len(whole), 512) if not any(whole[i:])) + 512
    for length in range(0, end_mark, 37):
        with pytest.raises(BadTar):
            index_tar(written(tmp_path, whole[:length]))


def test_two_archives_glued_together_are_refused(tmp_path):
    with pytest.raises(BadTar, match="goes on after its end mark"):
        index_tar(written(tmp_path, tar_bytes(CONTENTS) + tar_bytes({"b.jpg": b"b"})))


def test_compressed_archives_are_named_with_the_tool_that_unpacks_them(tmp_path):
    with pytest.raises(BadTar, match=r"gzip-compressed.*run gunzip"):
        index_tar(written(tmp_path, gzip.compress(tar_bytes(CONTENTS))))
    with pytest.raises(BadTar, match="zip-compressed"):
        index_tar(written(tmp_path, b"PK\x03\x04" + bytes(2000)))


def test_something_else_is_no_tar(tmp_path):
    with pytest.raises(BadTar, match="it is no tar"):
        index_tar(written(tmp_path, b"hello " * 500))
    with pytest.raises(BadTar, match="it is no tar"):
        index_tar(written(tmp_path, b"hello"))


@pytest.mark.parametrize("size", [b"\xff" * 12, b"99999999999\0", b"77777777777\0", b"-0000000001\0"])
def test_impossible_sizes_are_refused(tmp_path, size):
    header = bytearray(member("a.jpg").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(BadTar):
        index_tar(written(tmp_path, bytes(header) + bytes(1024)))


@pytest.mark.parametrize(
    "records", [b"9 path=a", b"12 path=../x\n", b"99999999 path=x\n", b"0 =\n", b"14 size=-5000\n", b"\xff" * 40]
)
def test_damaged_extended_headers_are_refused(tmp_path, records):
    header = member("pax", tarfile.XHDTYPE, size=len(records)).tobuf(tarfile.USTAR_FORMAT)
    file = member("a.jpg").tobuf(tarfile.USTAR_FORMAT)
    with pytest.raises(BadTar):
        index_tar(written(tmp_path, header + records.ljust(512, b"\0") + file + bytes(1024)))


@pytest.mark.parametrize("size", ["9" * 5000, "\u0663", "-1", " 1"])
def test_extended_sizes_that_are_no_plain_number_are_refused(tmp_path, size):
    record = f" size={size}\n".encode()
    length = len(record) + len(str(len(record) + 4))
    length = next(n for n in range(length - 3, length + 4) if len(str(n)) + len(record) == n)
    records = str(length).encode() + record
    header = member("pax", tarfile.XHDTYPE, size=len(records)).tobuf(tarfile.USTAR_FORMAT)
    file = member("a.jpg").tobuf(tarfile.USTAR_FORMAT)
    padded = records.ljust(-(-len(records) // 512) * 512, b"\0")
    with pytest.raises(BadTar, match="no valid size"):
        index_tar(written(tmp_path, header + padded + file + bytes(1024)))


def test_a_megabyte_of_records_is_read_once_not_once_a_record(tmp_path):
    """The work must not grow with the square of their number: that took minutes."""
    records = b"6 a=b\n" * 170_000
    header = member("pax", tarfile.XHDTYPE, size=len(records)).tobuf(tarfile.USTAR_FORMAT)
    padded = records.ljust(-(-len(records) // 512) * 512, b"\0")
    file = member("a.jpg").tobuf(tarfile.USTAR_FORMAT)
    start = time.process_time()
    assert index_tar(written(tmp_path, header + padded + file + bytes(1024))).names == ["a.jpg"]
    assert time.process_time() - start < 10


def test_a_sparse_file_is_refused(tmp_path):
    records = b"22 GNU.sparse.major=1\n"
    header = member("pax", tarfile.XHDTYPE, size=len(records)).tobuf(tarfile.USTAR_FORMAT)
    file = member("a.jpg").tobuf(tarfile.USTAR_FORMAT)
    with pytest.raises(BadTar, match="sparse"):
        index_tar(written(tmp_path, header + records.ljust(512, b"\0") + file + bytes(1024)))


def test_an_endless_name_is_refused(tmp_path):
    header = member("long", b"L", size=1 << 21).tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(BadTar, match="is refused"):
        index_tar(written(tmp_path, header + bytes((1 << 21) + 1024)))


def test_one_flipped_bit_is_noticed_or_harmless(tmp_path):
    whole = tar_bytes(CONTENTS)
    expected = index_tar(written(tmp_path, whole))
    chosen = random.Random(0)
    for _ in range(400):
        damaged = bytearray(whole)
        damaged[chosen.randrange(len(whole))] ^= 1 << chosen.randrange(8)
        try:
            index = index_tar(written(tmp_path, bytes(damaged)))
        except BadTar:
            continue
        assert index.names == expected.names
        assert index.offsets.tolist() == expected.offsets.tolist()


def indexed_or_refused(path, content):
    """Nothing but BadTar may be raised, and no name may lead out of the archive."""
    path.write_bytes(content)
    try:
        index = index_tar(path)
    except BadTar:
        return
    for name in index.names:
        assert name
        assert not name.startswith("/")
        assert ".." not in name.split("/")


@given(st.binary(max_size=2048))
def test_random_bytes_are_refused(tmp_path_factory, content):
    indexed_or_refused(tmp_path_factory.getbasetemp() / "random.tar", content)


@given(st.data())
def test_damaged_pax_and_gnu_archives_raise_nothing_else(tmp_path_factory, data):
    format = data.draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    content = bytearray(tar_bytes(LONG, format))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[position] = data.draw(st.integers(0, 255))
        block = position // 512 * 512  # make the checksum fit again, or damage would end at the first header
        if content[block + 257 : block + 262] == b"ustar":
            content[block + 148 : block + 156] = b" " * 8
            content[block + 148 : block + 156] = b"%06o\0 " % sum(content[block : block + 512])
    indexed_or_refused(tmp_path_factory.getbasetemp() / "damaged.tar", bytes(content))
