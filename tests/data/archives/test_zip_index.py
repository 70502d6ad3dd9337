import stat
import zipfile

import pytest

from covpool.data import BadSource
from covpool.data.archives.zip_index import index_zip


def write(path, *members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_in_any_order(tmp_path, method):
    index = index_zip(write(tmp_path / "a.zip", ("x/1.jpg", b"one" * 50), ("x/", b""), ("y.txt", b""), method=method))
    assert index.names == ["x/1.jpg", "y.txt"]
    assert (index.read(1), index.read(0)) == (b"", b"one" * 50)


@pytest.mark.parametrize("name", ["/etc/passwd", "a/../../b", "C:/x", "a\\..\\b"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(BadSource, match="leads out of the archive"):
        index_zip(write(tmp_path / "a.zip", (name, b"x")))


def test_links_and_other_methods_are_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(BadSource, match="symbolic link"):
        index_zip(write(tmp_path / "a.zip", (link, b"/etc/passwd")))
    with pytest.raises(BadSource, match="packed by method 12"):
        index_zip(write(tmp_path / "b.zip", ("a", b"x"), method=zipfile.ZIP_BZIP2))


def test_a_bomb_is_not_inflated_beyond_what_it_states(tmp_path):
    path = write(tmp_path / "a.zip", ("a.jpg", bytes(1 << 20)))
    index = index_zip(path)
    index.sizes[0] = 100
    with pytest.raises(OSError, match="does not have the 100 bytes"):
        index.read(0)


def test_a_cut_archive_is_a_sentence(tmp_path):
    path = write(tmp_path / "a.zip", ("a.jpg", b"x" * 500))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadSource, match="cannot use the archive"):
        index_zip(path)
