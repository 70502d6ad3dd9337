"""PCA and whitening of vectors that may be too long for a covariance matrix and too many for the memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from covpool.evaluation.writing.whole_file import whole_file

Method = Literal["auto", "exact", "randomized"]

_SMALL = 4096  # the side up to which a square matrix in float64 (134 MB) and its eigenvectors are no trouble
_SPARE = 32  # random directions beyond those asked for (Halko et al. 2011 ask for 5 to 10)
_PASSES = 8  # each multiplies the share of a direction by its eigenvalue once more
_PIECE = 2**26  # bytes of float32 read at once
_FLAT = 1e-10  # an eigenvalue below this share of the largest is the rounding of float32
_FORMAT = "covpool-whitening/1"


@dataclass(frozen=True)
class Whitening:
    """x -> (x - mean) components / deviations: float32 (D,), (D, E) and (E,); ``kept`` is the share of the variance."""

    mean: np.ndarray
    components: np.ndarray
    deviations: np.ndarray
    kept: float

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Whitened rows (b, E) in float32."""
        if vectors.shape[1] != len(self.mean):
            raise ValueError(f"the whitening needs vectors of length {len(self.mean)}; got {vectors.shape[1]}")
        return ((vectors.astype(np.float32) - self.mean) @ self.components) / self.deviations

    @property
    def digest(self) -> str:
        """SHA-256 of the numbers."""
        whole = hashlib.sha256()
        for array in (self.mean, self.components, self.deviations):
            whole.update(np.ascontiguousarray(array, np.float32).tobytes())
        return whole.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write to a ``.safetensors`` file, whole or not at all."""
        arrays = {"mean": self.mean, "components": self.components, "deviations": self.deviations}
        metadata = {"format": _FORMAT, "kept": repr(self.kept)}
        with whole_file(path) as file:
            file.write(save({name: np.ascontiguousarray(a) for name, a in arrays.items()}, metadata=metadata))

    @classmethod
    def load(cls, path: str | Path) -> Whitening:
        """The inverse of ``save``; ValueError for anything else."""
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                names = set(file.keys())
                if metadata.get("format") != _FORMAT or names != {"mean", "components", "deviations"}:
                    raise ValueError(f"{path} is no whitening of covpool; embed the pictures again")
                mean, components, deviations = (file.get_tensor(n) for n in ("mean", "components", "deviations"))
        except SafetensorError as error:
            raise ValueError(f"{path} cannot be read as safetensors: {error}") from error
        if components.shape != (len(mean), len(deviations)):
            raise ValueError(f"{path} holds arrays that do not fit: {mean.shape}, {components.shape}")
        return cls(mean, components, deviations, float(metadata.get("kept", "nan")))


def fit_whitening(
    vectors: np.ndarray, length: int, *, whiten: bool = True, method: Method = "auto", seed: int = 0
) -> Whitening:
    r"""The ``length`` main directions of ``vectors`` (n, D), each divided by its deviation.

    $x \mapsto \Lambda^{-1/2} V^\top (x - \mu)$ with the eigenvalues and eigenvectors of the covariance over n - 1.
    Source of the whitening for retrieval: Jegou and Chum, ECCV 2012. A component's sign is such that its largest
    entry is positive.

    Args:
        vectors: of the training set; an array or a mapped file, of which a piece is in memory at a time.
        length: E, the length of the result.
        whiten: False: directions only (PCA).
        method: ``"exact"``: eigenvectors of the covariance (D x D) or of the inner products (n x n), whichever is
            smaller; ``"randomized"``: subspace iteration from random directions in 9 passes (Halko et al., SIAM
            Review 2011), memory D x (E + 32); ``"auto"``: exact up to 4096 on the smaller side.
        seed: of the random directions.

    Raises:
        ValueError: more directions asked for than the vectors have.
    """
    n, width = vectors.shape
    most = min(n - 1, width)
    if not 1 <= length <= most:
        raise ValueError(f"PCA of {n} vectors of length {width} needs 1 to {most} directions; got {length}")
    if method not in ("auto", "exact", "randomized"):
        raise ValueError(f"method needs to be 'auto', 'exact' or 'randomized'; got {method!r}")
    data = _Centred(vectors)
    if method == "randomized" or (method == "auto" and min(n, width) > _SMALL):
        values, directions = _randomized(data, length, seed)
    else:
        values, directions = (_by_covariance if width <= n else _by_products)(data, length)
    alive = int((values > _FLAT * values[0]).sum()) if values[0] > 0 else 0
    if alive < length:
        raise ValueError(f"the {n} vectors have only {alive} directions; ask for fewer than {length}")
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(length)])
    deviations = np.sqrt(values) if whiten else np.ones(length)
    kept = float(values.sum() / data.variance)
    mean, main, spread = (a.astype(np.float32) for a in (data.mean, directions * signs, deviations))
    return Whitening(mean, main, spread, kept)


class _Centred:
    """Vectors less their mean, in pieces."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors
        self.n, self.width = vectors.shape
        self.step = max(1, _PIECE // (4 * self.width))
        total = np.zeros(self.width)
        for start in range(0, self.n, self.step):
            total += np.asarray(vectors[start : start + self.step], np.float64).sum(axis=0)
        self.mean = total / self.n
        self.variance = sum(float(np.square(piece).sum()) for _, piece in self.pieces(np.float64)) / (self.n - 1)

    def pieces(self, kind: type = np.float32):  # type: ignore[no-untyped-def]
        """(position, rows) in ``kind``."""
        for start in range(0, self.n, self.step):
            yield start, (np.asarray(self.vectors[start : start + self.step], np.float64) - self.mean).astype(kind)


def _by_covariance(data: _Centred, length: int) -> tuple[np.ndarray, np.ndarray]:
    products = np.zeros((data.width, data.width))
    for _, piece in data.pieces(np.float64):
        products += piece.T @ piece
    values, directions = np.linalg.eigh(products / (data.n - 1))
    return values[::-1][:length], directions[:, ::-1][:, :length]


def _by_products(data: _Centred, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The n x n side: $A A^\\top u = \\lambda u$ gives $v = A^\\top u / \\sqrt\\lambda$."""
    products = np.empty((data.n, data.n))
    for row, piece in data.pieces(np.float64):
        for column, other in data.pieces(np.float64):
            products[row : row + len(piece), column : column + len(other)] = piece @ other.T
    values, own = np.linalg.eigh(products)
    values, own = values[::-1][:length], own[:, ::-1][:, :length]
    directions = np.zeros((data.width, length))
    for row, piece in data.pieces(np.float64):
        directions += piece.T @ own[row : row + len(piece)]
    norms = np.sqrt(np.square(directions).sum(axis=0))
    return values / (data.n - 1), directions / np.where(norms > 0, norms, 1.0)


def _randomized(data: _Centred, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    size = min(length + _SPARE, data.n - 1, data.width)
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((data.width, size)))[0]
    for _ in range(_PASSES):
        basis = np.linalg.qr(_times(data, basis))[0]
    small = basis.T @ _times(data, basis)
    values, turn = np.linalg.eigh((small + small.T) / 2)
    return values[::-1][:length] / (data.n - 1), (basis @ turn[:, ::-1])[:, :length]


def _times(data: _Centred, basis: np.ndarray) -> np.ndarray:
    """$A^\\top A$ times ``basis``: products in float32, their sum over the pieces in float64."""
    total, single = np.zeros(basis.shape), basis.astype(np.float32)
    for _, piece in data.pieces():
        total += piece.T @ (piece @ single)
    return total
