"""The small pools and inputs that the tests of all pools share."""

import torch

CHANNELS = 6
# published widths and dictionaries make thousands of numbers, and gradcheck looks at each
NEEDED = {"avg-expand": {"width": 10}, "cbp": {"width": 24}}
NEEDED |= {name: {"width": 12} for name in ("random-maclaurin", "low-rank", "smso", "monet")}
NEEDED |= {"netvlad": {"clusters": 3}, "attention": {"hidden": 5}, "crosscov": {"heads": 2, "head_dim": 3}}
NEEDED |= {"flatten": {"positions": 16}}
ORDERED = ("flatten",)  # keeps the order of positions, hence maps of one size; tests/pooling/test_first_order.py has it


def draw(*shape, seed=0, dtype=torch.float64):
    """Positive features, as after a ReLU."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x.abs().to(dtype)
