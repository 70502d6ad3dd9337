"""The record goes to JSON and back."""

import pytest

from covpool.evaluation.robustness import Robustness


def test_a_result_is_read_as_it_was_written(tmp_path):
    made = Robustness(images=3, clean_error=0.1, errors={"fog": {1: 0.5, 5: 0.75}}, attacks={"pgd": {"2": 1.0}})
    made.write(tmp_path / "r.json")
    assert Robustness.read(tmp_path / "r.json") == made


def test_another_file_is_refused(tmp_path):
    for text in ('{"schema": "covpool-result/1"}', "[]", "{", '{"schema": "covpool-robustness/1"}'):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(ValueError, match="is no result of covpool robustness"):
            Robustness.read(tmp_path / "r.json")
