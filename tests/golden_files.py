"""Where the golden values lie, how a test reads them, and how close float32 has to come."""

from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> dict[str, torch.Tensor]:
    """The arrays of ``tests/golden/<name>.npz`` as tensors."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    found, expected = found.detach().double().flatten(), expected.detach().flatten()
    return float((found - expected).norm() / expected.norm())


def assert_float32_is_close(function, inputs, values, upstream, gradients, limit=1e-5):
    """Values and gradients of a function at the float32 roundings of float64 ``inputs``, to ``limit``, norm by norm.

    ``values`` and ``gradients`` are tensors or sequences of them; a gradient of None is not looked at.
    """
    inputs, values, upstream, gradients = map(_sequence, (inputs, values, upstream, gradients))
    leaves = [x.float().requires_grad_() for x in inputs]
    found = _sequence(function(*leaves))
    errors = [relative_error(*pair) for pair in zip(found, values, strict=True)]
    assert max(errors) <= limit, errors
    torch.autograd.backward(found, [g.float().reshape(y.shape) for g, y in zip(upstream, found, strict=True)])
    pairs = [(x.grad, g) for x, g in zip(leaves, gradients, strict=True) if g is not None]
    errors = [relative_error(*pair) for pair in pairs]
    assert max(errors, default=0.0) <= limit, errors


def _sequence(one_or_many):
    return list(one_or_many) if isinstance(one_or_many, list | tuple) else [one_or_many]
