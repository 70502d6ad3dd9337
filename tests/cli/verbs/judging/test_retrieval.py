import json

import numpy as np
import pytest

from covpool.evaluation.retrieval import vector_writer

CLASSES = ["cat", "dog", "owl"]


def store(path, vectors, labels, classes=CLASSES):
    with vector_writer(path, classes) as writer:
        writer.add(np.asarray(vectors, np.float32), [f"{i}.png" for i in range(len(labels))], labels)
        writer.finish({"weights": {"sha256": "0"}})


@pytest.fixture
def vectors(tmp_path):
    rows = [[1, 0], [0.9, 0.1], [0, 1], [0.8, 0.2], [0.1, 0.9]]
    store(tmp_path / "v.npy", rows, [0, 0, 1, 1, 2])
    return tmp_path / "v.npy"


def test_recall_and_the_lonely_are_told_and_kept(covpool, vectors, tmp_path):
    said = covpool("retrieval", "v.npy", "--recall", "3,1", "--output", "r.json")
    assert said.code == 0, said.err
    assert "recall@1     40.00 %" in said.out
    assert "1 queries have no other picture of their class and count as misses: 4.png" in said.err
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["schema"] == "covpool-retrieval/1"
    assert list(found["recall"]) == ["1", "3"]
    assert found["about"]["made"]["weights"] == {"sha256": "0"}
    assert found["unmatched_keys"] == ["4.png"]
    said = covpool("retrieval", "v.npy", "--recall", "1", "--unmatched", "leave-out")
    assert "recall@1     50.00 %" in said.out


def test_classes_of_two_files_are_matched_by_name(covpool, vectors, tmp_path):
    store(tmp_path / "g.npy", [[1, 0], [0, 1]], [1, 0], ["dog", "cat"])
    said = covpool("retrieval", "v.npy", "--gallery", "g.npy", "--recall", "1")
    assert said.code == 0, said.err
    assert "recall@1     60.00 %" in said.out


def test_a_list_that_holds_no_numbers_is_refused(covpool, vectors):
    said = covpool("retrieval", "v.npy", "--recall", "1,ten")
    assert said.code == 2
    assert "--recall needs numbers" in said.err


def test_vectors_without_classes_cannot_be_judged(covpool, tmp_path):
    store(tmp_path / "loose.npy", [[1, 0], [0, 1]], [-1, -1], [])
    said = covpool("retrieval", "loose.npy")
    assert said.code == 2
    assert "have no classes to judge by; embed them without --unlabelled" in said.err
