import numpy as np
import pytest
from sklearn.decomposition import PCA

from covpool.evaluation.retrieval import Whitening, fit_whitening
from covpool.evaluation.retrieval import whitening as module


def spread(n, d):
    random = np.random.default_rng(n)
    return (random.standard_normal((n, d)) * np.linspace(3, 0.1, d) + 5).astype(np.float32)


@pytest.mark.parametrize("shape", [(200, 30), (30, 200)])
@pytest.mark.parametrize("method", ["exact", "randomized"])
def test_directions_and_deviations_are_those_of_scikit_learn(shape, method, monkeypatch):
    monkeypatch.setattr(module, "_PIECE", 4 * shape[1] * 7)  # seven rows at a time
    x = spread(*shape)
    found = fit_whitening(x, 6, method=method)
    known = PCA(6, whiten=True, svd_solver="full").fit(x.astype(np.float64))
    theirs = known.transform(x)
    mine = found(x)
    theirs *= np.sign((mine * theirs).sum(axis=0))
    assert mine == pytest.approx(theirs, abs=2e-4)
    assert found.kept == pytest.approx(known.explained_variance_ratio_.sum(), abs=1e-6)


def test_whitened_vectors_have_the_unit_covariance():
    x = spread(300, 20)
    whitened = fit_whitening(x, 20)(x).astype(np.float64)
    assert np.cov(whitened.T) == pytest.approx(np.eye(20), abs=1e-4)
    plain = fit_whitening(x, 20, whiten=False)(x).astype(np.float64)
    assert np.linalg.norm(plain, axis=1) == pytest.approx(np.linalg.norm(x - x.mean(0), axis=1), rel=1e-4)


def test_random_directions_are_a_function_of_the_seed():
    x = spread(40, 90)
    one, two = (fit_whitening(x, 3, method="randomized", seed=5) for _ in range(2))
    assert one.digest == two.digest


def test_directions_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="needs 1 to 4 directions; got 5"):
        fit_whitening(spread(5, 9), 5)
    flat = np.outer(np.arange(10.0), np.ones(6)).astype(np.float32)
    with pytest.raises(ValueError, match="only 1 directions"):
        fit_whitening(flat, 2)
    with pytest.raises(ValueError, match="only 0 directions"):
        fit_whitening(np.ones((4, 3), np.float32), 1)


def test_a_file_gives_the_same_back_and_others_are_refused(tmp_path):
    found = fit_whitening(spread(30, 8), 4)
    found.save(tmp_path / "w.safetensors")
    again = Whitening.load(tmp_path / "w.safetensors")
    assert (again.digest, again.kept) == (found.digest, found.kept)
    (tmp_path / "x.safetensors").write_bytes(b"\x80\x04N.")
    with pytest.raises(ValueError, match="cannot be read as safetensors"):
        Whitening.load(tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="vectors of length 8; got 3"):
        found(np.zeros((1, 3)))
