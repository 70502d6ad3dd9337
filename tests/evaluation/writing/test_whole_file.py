"""A file is there as a whole or not at all."""

import pytest

from covpool.evaluation.writing.whole_file import whole_file


def test_an_error_on_the_way_leaves_the_former_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
