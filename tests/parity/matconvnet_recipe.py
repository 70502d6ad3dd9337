"""The parameters that the golden networks of GM-SOP were run with, drawn by name in MATLAB's shapes."""

import json

import numpy as np

from golden_files import GOLDEN
from golden_recipe import draw

EPS = 1e-5
SPREAD = 40  # of the gate's matrices, so that the scores of the candidates differ


def official_shapes(folder):
    """Name -> MATLAB shape of every parameter of a network, in the official order."""
    return json.loads((GOLDEN / f"gm_sop/{folder}/keys.json").read_text(encoding="utf-8"))


def official_parameters(folder):
    return {name: _value(name, tuple(shape)) for name, shape in official_shapes(folder).items()}


def _value(name, shape):
    if name.endswith("_bn_m"):
        mean = draw(f"{name}.running_mean", shape[:1])
        deviation = np.sqrt(draw(f"{name}.running_var", shape[:1]) + EPS)
        return np.stack([mean, deviation], axis=1).astype(np.float32)
    if name.endswith("_bn_w"):
        return draw(f"{name}.gamma", shape[:1]).reshape(shape)
    if name.endswith("_b"):
        return draw(name, shape[:1]).reshape(shape)
    drawn = draw(name, shape, "hwio")
    return np.float32(SPREAD) * drawn if name == "gating_w" else drawn
