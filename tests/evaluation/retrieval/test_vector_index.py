import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covpool.evaluation.retrieval import BadVectors, open_vectors, vector_writer


def write(path):
    with vector_writer(path, ["cat", "dog"]) as writer:
        writer.add(np.eye(3), ["a", "b", "c"], [0, 1, -1])
        writer.finish({})
    return path


@pytest.fixture
def stored(tmp_path):
    return write(tmp_path / "v.npy")


def test_a_npy_is_mapped_not_read(stored):
    assert isinstance(open_vectors(stored).vectors, np.memmap)


@pytest.mark.parametrize("labels", ["0,a,7,x", "0,a,-2,x", "0,a,one,x", "0,a,0", "0,a,99999999999999999999,x"])
def test_labels_that_are_none_are_refused(stored, labels):
    table = stored.with_suffix(".csv")
    table.write_text(table.read_text().replace("0,a,0,cat", labels))
    with pytest.raises(BadVectors):
        open_vectors(stored)


def test_parts_that_do_not_belong_together_are_refused(stored):
    facts = stored.with_suffix(".json")
    good = json.loads(facts.read_text())
    facts.write_text(json.dumps({**good, "rows": 4}))
    with pytest.raises(BadVectors, match="do not belong together"):
        open_vectors(stored)
    facts.write_text(json.dumps({**good, "whitening": {"sha256": "1"}}))
    with pytest.raises(BadVectors, match=r"needs v\.whitening\.safetensors beside it"):
        open_vectors(stored)
    np.save(stored, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BadVectors, match="cannot be read as an array"):
        open_vectors(stored)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_one_kind_of_error(tmp_path, data):
    """Vectors, table and facts with bytes changed, cut or added: read, or refused with BadVectors."""
    path = write(tmp_path / data.draw(st.sampled_from(["v.npy", "v.parquet"])))
    ending = data.draw(st.sampled_from([".npy", ".csv", ".json"])) if path.suffix == ".npy" else ".parquet"
    file = path.with_suffix(ending)
    content = bytearray(file.read_bytes())
    start = data.draw(st.integers(0, len(content)))
    content[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        found = open_vectors(path)
    except BadVectors:
        return
    assert len(found) == len(found.keys) == len(found.labels)
