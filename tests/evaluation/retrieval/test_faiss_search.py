import numpy as np
import pytest
import torch

from covpool.evaluation.retrieval.faiss_search import faiss_candidates
from covpool.evaluation.retrieval.rows import Rows
from covpool.evaluation.retrieval.scores import Scores


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclid"])
def test_candidates_keep_to_the_bound_and_leave_out_what_they_are_told(metric):
    pytest.importorskip("faiss")
    random = np.random.default_rng(0)
    rows = Rows(random.standard_normal((60, 700)).astype(np.float32), metric)
    proven = Scores(rows, rows, torch.device("cpu"), summed=700)
    best, places, bound = faiss_candidates(proven, 10, np.arange(60))(slice(5, 9))
    assert best.shape == places.shape == (4, 10)
    assert (np.diff(best, axis=1) <= 0).all()
    assert not (places == np.arange(5, 9)[:, None]).any()
    mine = Scores(rows, rows, torch.device("cpu"))
    block = mine.block(mine.to_device(rows, slice(5, 9)), slice(0, 60)).double().numpy()
    gap = np.abs(np.take_along_axis(block, places, 1) - best)
    assert (gap <= 2 * bound[:, None]).all()
