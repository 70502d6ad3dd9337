import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from covpool.evaluation.retrieval import judge_retrieval
from golden_files import golden


@pytest.mark.parametrize("metric", ["cosine", "euclid"])
def test_recall_is_that_of_the_official_metric_without_distractors(metric):
    given = golden("assembled/metrics/recall")
    kept = given["labels"] != -1
    found = judge_retrieval(given["features"][kept], given["labels"][kept], ks=given["ks"].tolist(), metric=metric)
    assert list(found.recall.values()) == pytest.approx(given[f"{metric}_nodistract"].tolist(), abs=1e-7)


@pytest.mark.parametrize("metric", ["cosine", "euclid"])
def test_distractors_in_front_do_not_let_a_query_find_itself(metric):
    """The official code then says 1 for every k; a loop says what it is."""
    given = {name: array.numpy() for name, array in golden("assembled/metrics/recall").items()}
    assert (given[f"{metric}_with_distractors_first"] == 1).all()
    features, labels, ks = given["features"].astype(np.float64), given["labels"], given["ks"].tolist()
    found = judge_retrieval(given["features"], labels, ks=ks, metric=metric)
    if metric == "cosine":
        features = features / np.linalg.norm(features, axis=1, keepdims=True)
        scores = features @ features.T
    else:
        scores = -((features[:, None] - features[None]) ** 2).sum(2)
    np.fill_diagonal(scores, -np.inf)
    queries = np.flatnonzero(labels != -1)
    for k in ks:
        hits = [labels[q] in labels[np.argsort(-scores[q])[:k]] for q in queries]
        assert found.recall[k] == pytest.approx(np.mean(hits))
    assert (found.queries, found.gallery) == (37, 39)


def test_precisions_are_those_of_scikit_learn_and_of_loops():
    random = np.random.default_rng(0)
    x, labels = random.standard_normal((60, 5)), random.integers(0, 6, 60)
    found = judge_retrieval(x, labels, metric="dot", ks=(1, 3))
    scores = x.astype(np.float32).astype(np.float64) @ x.astype(np.float32).astype(np.float64).T
    average, at_r, r_precision = [], [], []
    for q in range(60):
        others = np.delete(np.arange(60), q)
        relevant = labels[others] == labels[q]
        average.append(average_precision_score(relevant, scores[q, others]))
        ordered, count = relevant[np.argsort(-scores[q, others])], int(relevant.sum())
        at_r.append(sum(ordered[: i + 1].mean() for i in range(count) if ordered[i]) / count)
        r_precision.append(ordered[:count].mean())
    assert found.mean_average_precision == pytest.approx(np.mean(average))
    assert found.map_at_r == pytest.approx(np.mean(at_r))
    assert found.r_precision == pytest.approx(np.mean(r_precision))


def test_the_lonely_are_misses_or_left_out_and_named():
    x, labels, keys = np.array([[1.0, 0], [1, 0.1], [0, 1]]), np.array([4, 4, 9]), ["a", "b", "c"]
    miss = judge_retrieval(x, labels, keys=keys)
    assert (miss.queries, miss.recall[1], miss.unmatched_keys) == (3, pytest.approx(2 / 3), ["c"])
    out = judge_retrieval(x, labels, keys=keys, unmatched="leave-out")
    assert (out.queries, out.recall[1], out.unmatched) == (2, 1.0, 1)
    with pytest.raises(ValueError, match="at least one query with a positive"):
        judge_retrieval(x, np.array([1, 2, 3]), unmatched="leave-out")
    with pytest.raises(ValueError, match="every k to be at least 1"):
        judge_retrieval(x, labels, ks=(0,))


def test_a_result_is_plain_json(tmp_path):
    judge_retrieval(np.eye(3), np.array([0, 0, 0]), ks=(1, 10), about={"x": 1}).write(tmp_path / "r.json")
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["schema"] == "covpool-retrieval/1"
    assert found["recall"] == {"1": 1.0, "10": 1.0}
    assert found["about"] == {"x": 1}
    assert "machine" in found["stamp"]
