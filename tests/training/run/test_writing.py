"""Files are whole or absent, and the system's refusals are told with the file's name."""

import errno
import os

import pytest
import torch

from covpool.training.run.writing import NotWritten, whole_file


def test_the_former_file_stands_where_it_is_kept(tmp_path):
    for text in (b"one", b"two", b"three"):
        with whole_file(tmp_path / "last", keep=tmp_path / "previous") as file:
            file.write(text)
    assert ((tmp_path / "last").read_bytes(), (tmp_path / "previous").read_bytes()) == (b"three", b"two")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_disk_that_fills_up_leaves_both_files_and_is_named(tmp_path):
    for text in (b"one", b"two"):
        with whole_file(tmp_path / "last", keep=tmp_path / "previous") as file:
            file.write(text)
    said = pytest.raises(NotWritten, match=r"cannot write .*last \(No space left on device\)")
    with said, whole_file(tmp_path / "last", keep=tmp_path / "previous") as file:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert ((tmp_path / "last").read_bytes(), (tmp_path / "previous").read_bytes()) == (b"two", b"one")
    assert len(list(tmp_path.iterdir())) == 2


class Full:
    """A file on a full disk."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)

    def flush(self):
        self.file.flush()


def test_what_torch_makes_of_a_full_disk_is_told_as_one(tmp_path):
    with pytest.raises(NotWritten, match="No space left on device"), whole_file(tmp_path / "last.pt") as file:
        torch.save({"weights": torch.zeros(100_000)}, Full(file, 100_000))
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_writer_itself_stays_what_it_is(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "last"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match="Not a directory"), whole_file(tmp_path / "file" / "last"):
        pass
