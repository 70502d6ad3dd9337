import os
import signal
import warnings

import numpy as np
import pytest

from covpool.evaluation.retrieval import open_vectors, vector_writer

X = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
KEYS = ["a/1.png", 'b,"2".png', "c\n3.png", "\u00e9.png", "5", "6", "7"]
LABELS = [0, 1, -1, 0, 1, 1, 0]


def write(path, x=X, half=False):
    with vector_writer(path, ["cat", "dog\n,"], half=half) as writer:
        for part in (slice(0, 4), slice(4, 7)):
            writer.add(x[part], KEYS[part], LABELS[part])
        writer.finish({"who": "me"})


@pytest.mark.parametrize("ending", [".npy", ".parquet"])
@pytest.mark.parametrize("half", [False, True])
def test_what_is_written_is_read(ending, half, tmp_path):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    write(tmp_path / f"v{ending}", half=half)
    found = open_vectors(tmp_path / f"v{ending}")
    assert found.vectors.dtype == (np.float16 if half else np.float32)
    assert np.array_equal(found.vectors, X.astype(found.vectors.dtype))
    assert list(found.keys) == KEYS
    assert found.labels.tolist() == LABELS
    assert [found.class_of(i) for i in range(3)] == ["cat", "dog\n,", ""]
    assert found.about["who"] == "me"
    assert found.about["rows"] == 7
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("ending", [".npy", ".parquet"])
def test_an_error_leaves_the_former_vectors(ending, tmp_path):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"v{ending}"
    write(path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"argument 2|expected length"), vector_writer(path, ["cat", "dog"]) as writer:
        writer.add(X, [*KEYS[:3], *KEYS[:3]], LABELS)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_kill_leaves_the_former_vectors(tmp_path):
    write(tmp_path / "v.npy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child of a process with threads only writes files
        child = os.fork()
    if not child:
        with vector_writer(tmp_path / "v.npy", ["cat"]) as writer:
            writer.add(np.ones((3, 5)), ["x"] * 3, [0] * 3)
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert np.array_equal(open_vectors(tmp_path / "v.npy").vectors, X)


def test_mistakes_are_told(tmp_path):
    with pytest.raises(ValueError, match=r"\.npy or a \.parquet"), vector_writer(tmp_path / "v.csv", []):
        pass
    with pytest.raises(ValueError, match="no vectors to write"), vector_writer(tmp_path / "v.npy", []) as writer:
        writer.finish({})
    with pytest.raises(ValueError, match="up to 65504"):
        write(tmp_path / "v.npy", 1e5 * X, half=True)
    assert list(tmp_path.iterdir()) == []
