"""What may come in instead of a tidy batch of maps: every pool answers with numbers, NaN where due, or a sentence."""

import copy
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covpool.pooling import create_pool, pools
from pooling_cases import CHANNELS, NEEDED, ORDERED, draw

NAMES = [name for name in pools.names() if name not in ORDERED]
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def build(name, **options):
    torch.manual_seed(0)
    return create_pool(name, CHANNELS, **NEEDED.get(name, {}), **options).eval()


@pytest.mark.parametrize("name", NAMES)
class TestAttacks:
    def test_the_layout_in_memory_does_not_matter(self, name):
        pool, x = build(name), draw(3, CHANNELS, 4, 5, dtype=torch.float32)
        wider = torch.cat([x, x], 1)
        for view in (x.to(memory_format=torch.channels_last), x.mT.contiguous().mT, wider[:, :CHANNELS]):
            assert torch.equal(view, x)
            torch.testing.assert_close(pool(view), pool(x), **CLOSE)

    def test_maps_of_one_row_or_column_are_maps(self, name):
        pool, x = build(name), draw(2, CHANNELS, 3, 4, dtype=torch.float32)
        for shape in ((1, 12), (12, 1)):
            torch.testing.assert_close(pool(x.reshape(2, CHANNELS, *shape)), pool(x), **CLOSE)

    def test_without_gradients_the_values_are_the_same(self, name):
        pool, x = build(name), draw(2, CHANNELS, 4, 4, dtype=torch.float32)
        with torch.inference_mode():
            y = pool(x)
        assert not y.requires_grad
        torch.testing.assert_close(y, pool(x).detach(), rtol=1e-6, atol=1e-7)

    def test_the_input_is_not_changed(self, name):
        pool, x = build(name), draw(2, CHANNELS, 4, 4, dtype=torch.float32)
        before = copy.deepcopy(x)
        pool(x)
        assert torch.equal(x, before)

    def test_float16_autocast_stays_close_to_double(self, name):
        x = draw(2, CHANNELS, 7, 7, dtype=torch.float16)
        exact = build(name).double()(x.double())
        with torch.autocast("cpu", torch.float16):
            y = build(name)(x)
        assert (y.double() - exact).norm() <= 1e-2 * exact.norm()


@pytest.mark.parametrize("name", NAMES)
def test_one_image_and_none_are_batches(name):
    pool, x = build(name), draw(3, CHANNELS, 4, 4, dtype=torch.float32)
    torch.testing.assert_close(pool(x[:1]), pool(x)[:1], **CLOSE)
    empty = x[:0].clone().requires_grad_()
    y = pool(empty)
    y.sum().backward()
    assert y.shape == (0, pool.out_features)
    assert empty.grad.shape == empty.shape


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_image_that_is_not_finite_spoils_itself_alone_and_is_not_hidden(name, bad):
    pool, x = build(name), draw(3, CHANNELS, 4, 5, dtype=torch.float32)
    expected = pool(x).detach()
    x[1, 2, 1, 1] = bad
    x.requires_grad_()
    y = pool(x)
    y.sum().backward()
    others = [0, 2]
    torch.testing.assert_close(y[others].detach(), expected[others], **CLOSE)
    assert x.grad[others].isfinite().all()
    assert not y[1].isfinite().all()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(NAMES),
    batch=st.integers(1, 3),
    side=st.tuples(st.integers(1, 5), st.integers(2, 5)),
    exponent=st.integers(-4, 4),
    signed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_map_gives_finite_numbers_and_gradients(name, batch, side, exponent, signed, seed):
    pool = build(name)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, CHANNELS, *side, generator=generator) * 10.0**exponent
    x = (x if signed else x.relu()).requires_grad_()
    y = pool(x)
    y.sum().backward()
    assert y.shape == (batch, pool.out_features)
    assert y.isfinite().all()
    assert x.grad.isfinite().all()


REFUSED = """
import sys
import torch
from covpool import functional
from covpool.pooling import create_pool

def refuses(function, x, *words):
    try:
        function(x)
    except ValueError as error:
        assert all(word in str(error) for word in words), error
    else:
        raise AssertionError(f"{{function}} took {{x.dtype}} {{x.shape}}")

needed = {needed!r}
pools = [create_pool(name, 6, **needed.get(name, {{}})).eval() for name in sys.argv[1:]]
for dtype in (torch.uint8, torch.int64, torch.bool, torch.complex64):
    for pool in pools:
        refuses(pool, torch.ones(2, 6, 3, 3).to(dtype), f"needs maps of real numbers; got {{dtype}}", ".float()")
    refuses(functional.covariance, torch.ones(6, 9).to(dtype), f"needs real numbers; got {{dtype}}", ".float()")
    refuses(functional.matrix_sqrt, torch.eye(3).to(dtype), f"needs real numbers; got {{dtype}}", ".float()")
for pool in pools:
    for shape in ((2, 6, 9), (6, 3, 3), (2, 6, 3, 3, 1), (2, 5, 3, 3)):
        refuses(pool, torch.ones(shape), "needs maps (B, 6, H, W); got", str(shape))
    refuses(pool, torch.ones(2, 6, 0, 3), "positions; got a map of shape (2, 6, 0, 3)")
"""


def test_what_is_no_map_of_real_numbers_is_refused_in_a_sentence():
    """In a process of its own: the shape checks of the test session refuse it before."""
    command = [sys.executable, "-c", REFUSED.format(needed=NEEDED), *NAMES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
