import numpy as np
import pytest
import torch

from covpool.evaluation.retrieval.rows import Rows, exact_scores


def test_the_score_of_a_pair_does_not_depend_on_its_company():
    random = np.random.default_rng(0)
    x = random.standard_normal((3, 1001)).astype(np.float32)
    y = random.standard_normal((50, 1001)).astype(np.float32)
    y[40] = y[3]
    for metric in ("cosine", "dot", "euclid"):
        queries, gallery = Rows(x, metric), Rows(y, metric)
        together = exact_scores(queries, 1, gallery, np.arange(50))
        alone = [exact_scores(queries, 1, gallery, np.array([g]))[0] for g in range(50)]
        assert together.tolist() == alone
        assert together[40] == together[3]


def test_scores_are_those_of_the_formulas():
    x, y = np.array([[3.0, 4.0]], np.float32), np.array([[1.0, 0.0], [0.0, 0.0]], np.float32)
    places = np.arange(2)
    assert exact_scores(Rows(x, "dot"), 0, Rows(y, "dot"), places).tolist() == [3, 0]
    assert exact_scores(Rows(x, "euclid"), 0, Rows(y, "euclid"), places).tolist() == [-20, -25]
    assert exact_scores(Rows(x, "cosine"), 0, Rows(y, "cosine"), places) == pytest.approx([0.6, 0])


@pytest.mark.parametrize(
    ("vectors", "says"),
    [
        (np.zeros(3), "rows of vectors"),
        (np.zeros((3, 0)), "rows of vectors"),
        (np.array([["a"]]), "rows of vectors"),
        (np.array([[0.0], [np.nan]]), r"1 vectors hold NaN or infinity \(rows 1\)"),
        (np.array([[1e20]]), "longer than 1e15"),
    ],
)
def test_what_cannot_be_compared_is_refused(vectors, says):
    with pytest.raises(ValueError, match=says):
        Rows(vectors, "cosine")


def test_tensors_and_half_precision_are_read():
    half = Rows(torch.tensor([[3.0, 4.0]]).half(), "cosine")
    assert half.read(slice(0, 1)).dtype == np.float32
    assert half.read(slice(0, 1)) == pytest.approx(np.array([[0.6, 0.8]]))
    with pytest.raises(ValueError, match="metric needs to be one of"):
        Rows(np.zeros((1, 1)), "manhattan")
