"""Stored maps to vectors."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from covpool.pooling import create_pool
from covpool.studies import vectors
from covpool.studies.vectors import as_convolution, fit_projection, need_memory, pooled_vectors

CPU = torch.device("cpu")


def maps(n: int = 30, channels: int = 6) -> np.ndarray:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(channels, channels))
    return np.einsum("dc,nchw->ndhw", mixing, rng.normal(size=(n, channels, 3, 4))).astype(np.float32)


def test_the_projection_is_the_pca_of_the_chosen_pictures():
    stored, rows = maps(), np.arange(0, 30, 2)
    descriptors = stored[rows].transpose(0, 2, 3, 1).reshape(-1, 6)
    reference = PCA(3).fit(descriptors).components_
    found = fit_projection(stored, rows, 3).numpy()
    np.testing.assert_allclose(np.abs(found), np.abs(reference), atol=1e-4)
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-5)


def test_a_projection_from_drawn_positions_is_repeatable_and_close(monkeypatch):
    stored, rows = maps(200), np.arange(200)
    whole = fit_projection(stored, rows, 1)
    monkeypatch.setattr(vectors, "PCA_DESCRIPTORS", 800)
    drawn = fit_projection(stored, rows, 1)
    assert torch.equal(drawn, fit_projection(stored, rows, 1))
    assert abs((drawn @ whole.T).item()) > 0.95


def test_a_convolution_applies_the_projection():
    stored = maps(4)
    directions = fit_projection(stored, np.arange(4), 2)
    expected = np.einsum("dc,nchw->ndhw", directions.numpy(), stored)
    np.testing.assert_allclose(as_convolution(directions)(torch.from_numpy(stored)), expected, atol=1e-5)


def test_vectors_in_chunks_are_those_of_one_batch(monkeypatch):
    monkeypatch.setattr(vectors, "CHUNK", 4)
    stored, rows = maps(), np.array([0, 3, 4, 9, 11, 20, 21, 22, 29])
    pool = create_pool("isqrt", 6)
    expected = pool(torch.from_numpy(stored[rows]))
    torch.testing.assert_close(pooled_vectors(pool, stored, rows, CPU), expected)


def test_vectors_beyond_the_memory_are_refused_with_a_remedy():
    need_memory(1000, 1000)
    with pytest.raises(ValueError, match="reduce_to=64"):
        need_memory(10**8, 10**6)
