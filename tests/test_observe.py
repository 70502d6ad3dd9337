import pytest
import torch

from covpool.observe import observe
from covpool.pooling import create_pool


def test_the_statistics_inside_a_pool_are_seen_with_their_graph():
    pool = create_pool("isqrt", 4)
    x = torch.rand(2, 4, 3, 3, requires_grad=True)
    with observe(pool, "describe", "normalize") as seen:
        pool(x)
    assert seen["describe"].shape == seen["normalize"].shape == (2, 4, 4)
    seen["describe"].sum().backward()
    assert x.grad is not None


def test_nothing_is_left_behind():
    pool = create_pool("isqrt", 4)
    with pytest.raises(RuntimeError), observe(pool, "describe"):
        raise RuntimeError
    assert not pool.describe._forward_hooks


def test_an_unknown_submodule_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'describe'"), observe(create_pool("isqrt", 4), "decribe"):
        pass
