"""Settings of the whole test session."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import random

import numpy as np
import pytest
import torch

torch.set_num_threads(1)  # one a worker: two sessions with two threads each wait for one another


@pytest.fixture(autouse=True)
def drawn_alike():
    """Each test starts from the same generators, whichever ran before it in its process."""
    random.seed(0)
    np.random.seed(0)  # libraries under test draw from it
    torch.manual_seed(0)
