import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from covpool.evaluation.retrieval import search

METRICS = ("cosine", "dot", "euclid")


def naive(x, y, k, metric, exclude=None):
    """Every score in float64, sorted by (score, position)."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    rows = []
    for q, one in enumerate(x):
        if metric == "euclid":
            scores = [-((one - other) ** 2).sum() for other in y]
        else:
            scores = [(other * one).sum() for other in y]
        if metric == "cosine":
            norms = [np.sqrt((v**2).sum()) or 1.0 for v in y]
            scores = [s / n for s, n in zip(scores, norms, strict=True)]
        order = sorted((g for g in range(len(y)) if exclude is None or g != exclude[q]), key=lambda g: (-scores[g], g))
        rows.append(order[:k])
    return rows


def cases():
    """Small vectors of whole numbers, where equal scores abound, and nearly equal ones."""
    return st.tuples(
        st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 5), st.sampled_from(["whole", "close", "any"])
    )


def vectors(case):
    seed, n, length, kind = case
    random = np.random.default_rng(seed)
    if kind == "whole":
        return random, random.integers(-2, 3, (n, length)).astype(np.float32)
    y = random.standard_normal((n, length)).astype(np.float32)
    if kind == "close":
        y[random.integers(0, n, n // 2)] = y[0]
        y[random.integers(0, n, n // 3)] = y[0] + np.float32(1e-7) * random.standard_normal(length).astype(np.float32)
    return random, y


@given(cases(), st.sampled_from(METRICS))
@settings(max_examples=60, deadline=None)
def test_ranks_are_those_of_a_loop_in_float64_by_either_library_and_in_pieces(case, metric):
    pytest.importorskip("faiss")
    random, y = vectors(case)
    x = np.concatenate([y[:3], random.standard_normal((2, y.shape[1])).astype(np.float32)])
    k = int(random.integers(1, len(y) + 1))
    expected = naive(x, y, k, metric)
    for options in ({}, {"memory": 1}, {"backend": "faiss"}, {"backend": "faiss", "memory": 1}):
        assert search(x, y, k, metric=metric, **options).indices.tolist() == expected, options


@given(cases(), st.sampled_from(METRICS))
@settings(max_examples=30, deadline=None)
def test_what_is_left_out_is_never_found(case, metric):
    pytest.importorskip("faiss")
    random, y = vectors(case)
    if len(y) < 2:
        return
    k = int(random.integers(1, len(y)))
    own = np.arange(len(y))
    expected = naive(y, y, k, metric, own)
    for options in ({}, {"memory": 1}, {"backend": "faiss"}):
        assert search(y, y, k, metric=metric, exclude=own, **options).indices.tolist() == expected, options


@pytest.mark.parametrize("backend", ["torch", "faiss"])
def test_more_equals_than_candidates_rank_by_position(backend):
    if backend == "faiss":
        pytest.importorskip("faiss")
    y = np.ones((500, 4), np.float32)
    found = search(y[:2], y, 5, backend=backend)
    assert found.indices.tolist() == [[0, 1, 2, 3, 4]] * 2
    assert search(y[:1], y, 500, exclude=np.array([-1])).indices.tolist() == [list(range(500))]


@pytest.mark.parametrize(("metric", "theirs"), [("cosine", "cosine"), ("euclid", "sqeuclidean")])
def test_neighbours_and_scores_are_those_of_scikit_learn(metric, theirs):
    random = np.random.default_rng(0)
    x, y = random.standard_normal((20, 40)), random.standard_normal((300, 40))
    found = search(x, y, 10, metric=metric)
    known = NearestNeighbors(n_neighbors=10, metric=theirs, algorithm="brute").fit(y.astype(np.float32))
    distances, indices = known.kneighbors(x.astype(np.float32))
    assert found.indices.tolist() == indices.tolist()
    expected = 1 - distances if metric == "cosine" else -distances
    assert found.scores == pytest.approx(expected, abs=2e-4)


def test_mapped_files_are_searched_in_pieces(tmp_path):
    y = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float16)
    np.save(tmp_path / "v.npy", y)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    assert np.array_equal(search(y[:5], mapped, 7, memory=500).indices, search(y[:5], y, 7).indices)


def test_mistakes_are_told():
    y = np.eye(3)
    with pytest.raises(ValueError, match="k needs to be between 1 and 3"):
        search(y, y, 4)
    with pytest.raises(ValueError, match="k needs to be between 1 and 2"):
        search(y, y, 3, exclude=np.arange(3))
    with pytest.raises(ValueError, match="exclude needs a position"):
        search(y, y, 1, exclude=np.array([0, 1, 3]))
    with pytest.raises(ValueError, match="backend needs to be"):
        search(y, y, 1, backend="annoy")
