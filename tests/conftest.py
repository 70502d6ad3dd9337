"""Settings of the whole test session."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import torch

torch.set_num_threads(1)  # one a worker: two sessions with two threads each wait for one another
