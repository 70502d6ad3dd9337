import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covpool.evaluation.retrieval import positive_ranks, search


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 25),
    st.sampled_from(["cosine", "dot", "euclid"]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_ranks_are_the_places_of_the_positives_in_a_full_search(seed, n, metric, whole, other):
    random = np.random.default_rng(seed)
    x = random.integers(-1, 2, (n, 3)) if whole else random.standard_normal((n, 3))
    labels = random.integers(-1, 3, n)
    if other:
        y, known = random.integers(-1, 2, (12, 3)).astype(np.float32), random.integers(-1, 3, 12)
        ranks = positive_ranks(x, labels, y, known, metric=metric, memory=1)
        order = search(x, y, 12, metric=metric).indices
    else:
        ranks, known = positive_ranks(x, labels, metric=metric), labels
        order = search(x, x, n - 1, metric=metric, exclude=np.arange(n)).indices
    assert ranks.queries.tolist() == np.flatnonzero(labels != -1).tolist()
    assert ranks.gallery == order.shape[1]
    for place, query in enumerate(ranks.queries):
        expected = 1 + np.flatnonzero(known[order[query]] == labels[query])
        assert ranks.of(place).tolist() == expected.tolist()


def test_a_gallery_and_its_labels_belong_together():
    with pytest.raises(ValueError, match="a gallery needs gallery_labels"):
        positive_ranks(np.eye(2), np.array([0, 1]), np.eye(2))
    with pytest.raises(ValueError, match="2 whole numbers as labels"):
        positive_ranks(np.eye(2), np.array([0.0, 1.0]))
