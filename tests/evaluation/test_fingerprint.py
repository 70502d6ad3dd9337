import hashlib

import pytest

from covpool.evaluation.fingerprint import fingerprint


def test_it_is_the_sha256_of_the_file_that_is_restored(tmp_path):
    (tmp_path / "best.pt").write_bytes(b"weights")
    expected = {"file": "best.pt", "sha256": hashlib.sha256(b"weights").hexdigest()}
    assert fingerprint(tmp_path) == fingerprint(tmp_path / "best.pt") == expected
    with pytest.raises(ValueError, match="no run folder or checkpoint"):
        fingerprint(tmp_path / "none.pt")
