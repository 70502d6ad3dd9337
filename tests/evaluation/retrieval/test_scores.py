import numpy as np
import pytest
import torch

from covpool.evaluation.retrieval.rows import Rows, exact_scores
from covpool.evaluation.retrieval.scores import Scores, full_float32


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclid"])
@pytest.mark.parametrize("length", [1, 300, 5000])
def test_float32_scores_keep_to_their_bound(metric, length):
    random = np.random.default_rng(length)
    x, y = (random.standard_normal((n, length)).astype(np.float32) + 3 for n in (4, 30))
    queries, gallery = Rows(x, metric), Rows(y, metric)
    scores = Scores(queries, gallery, torch.device("cpu"))
    found = scores.block(scores.to_device(queries, slice(0, 4)), slice(0, 30)).double().numpy()
    exact = np.stack([exact_scores(queries, q, gallery, np.arange(30)) for q in range(4)])
    assert (np.abs(found - exact) <= scores.bound(slice(0, 4))[:, None]).all()


def test_products_are_in_float32_whatever_the_session_allows():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with full_float32():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_vectors_of_two_lengths_are_refused():
    with pytest.raises(ValueError, match="of one length; got 2 and 3"):
        Scores(Rows(np.zeros((1, 2)), "dot"), Rows(np.zeros((1, 3)), "dot"), torch.device("cpu"))
