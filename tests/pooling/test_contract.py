"""The contract that every registered pool keeps; a new row of the table is tested without a new test."""

import copy
import subprocess
import sys

import pytest
import torch
from torch.autograd import gradcheck

from covpool.pooling import create_pool, pools
from pooling_cases import CHANNELS, NEEDED, ORDERED, draw


def build(name, reduce_to=None, **options):
    torch.manual_seed(0)
    return create_pool(name, CHANNELS, reduce_to, **NEEDED.get(name, {}), **options)


POOLS = [name for name in pools.names() if name not in ORDERED]
OF_EACH_KIND = ["isqrt", "bilinear", "gm-sop", "dropcov", "gem"]


@pytest.mark.parametrize("name", POOLS)
class TestPoolContract:
    def test_maps_become_vectors_of_the_promised_length(self, name):
        for reduce_to in (None, 4):
            pool = build(name, reduce_to)
            for shape in ((2, CHANNELS, 5, 3), (3, CHANNELS, 7, 1)):
                assert pool(draw(*shape, dtype=torch.float32)).shape == (shape[0], pool.out_features)
            assert pool.in_features == CHANNELS
            assert pool.order == pools.get(name).order

    def test_the_order_of_positions_does_not_matter(self, name):
        pool = build(name).double().eval()
        x = draw(2, CHANNELS, 4, 5)
        shuffled = x.flatten(2)[..., torch.randperm(20, generator=torch.Generator().manual_seed(1))].reshape(x.shape)
        torch.testing.assert_close(pool(shuffled), pool(x))

    def test_images_of_a_batch_do_not_see_each_other(self, name):
        pool = build(name).double().eval()
        x = draw(3, CHANNELS, 4, 5)
        torch.testing.assert_close(pool(x)[1:2], pool(x[1:2]))

    def test_gradients_are_true(self, name):
        pool = build(name).double().eval()
        assert gradcheck(pool, (draw(2, CHANNELS, 3, 3).requires_grad_(),), atol=1e-6)

    def test_every_parameter_and_the_input_get_a_gradient(self, name):
        pool = build(name, reduce_to=4)
        x = draw(4, CHANNELS, 4, 4, dtype=torch.float32).requires_grad_()
        pool(x).square().sum().backward()
        assert x.grad is not None
        assert all(p.grad is not None for p in pool.parameters())

    def test_the_result_has_the_dtype_of_the_input(self, name):
        pool = build(name)
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            assert pool(draw(2, CHANNELS, 4, 4, dtype=dtype)).dtype == dtype
        assert pool.double()(draw(2, CHANNELS, 4, 4)).dtype == torch.float64

    def test_half_precision_and_autocast_stay_close_to_double(self, name):
        x = draw(2, CHANNELS, 7, 7, dtype=torch.bfloat16)
        exact = build(name).double().eval()(x.double())
        pool = build(name).eval()
        with torch.autocast("cpu", torch.bfloat16):
            inside = pool(x)
        for y in (inside, pool(x)):
            assert (y.double() - exact).norm() <= 1e-2 * exact.norm()

    def test_autocast_does_not_reach_the_statistics(self, name):
        x = draw(2, CHANNELS, 7, 7, dtype=torch.float32)
        pool = build(name).eval()
        with torch.autocast("cpu", torch.bfloat16):
            inside = pool(x)
        assert inside.dtype == torch.float32
        torch.testing.assert_close(inside, pool(x), rtol=1e-6, atol=1e-6)

    def test_hard_inputs_give_finite_values_and_gradients(self, name):
        pool = build(name)
        dead = draw(2, CHANNELS, 4, 4, dtype=torch.float32)
        dead[:, 2] = 0
        few = draw(2, CHANNELS, 1, 2, dtype=torch.float32)
        plain = draw(2, CHANNELS, 4, 4, dtype=torch.float32)
        constant = torch.ones(2, CHANNELS, 4, 4)
        for x in (constant, 0 * constant, dead, few, 1e4 * plain, 1e-4 * plain):
            x = x.clone().requires_grad_()
            y = pool(x)
            y.sum().backward()
            assert y.isfinite().all()
            assert x.grad.isfinite().all()

    def test_chance_has_a_part_in_training_only_and_repeats_with_the_seed(self, name):
        x = draw(4, CHANNELS, 4, 4, dtype=torch.float32)
        state = torch.get_rng_state()
        pool = build(name, reduce_to=4)
        torch.manual_seed(3)
        first = pool(x)
        torch.manual_seed(3)
        torch.testing.assert_close(pool(x), first, rtol=0, atol=0)
        before = torch.get_rng_state()
        pool.eval()(x)
        assert torch.equal(torch.get_rng_state(), before)
        torch.set_rng_state(state)

    def test_channels_that_do_not_fit_are_refused(self, name):
        with pytest.raises(ValueError, match=rf"needs maps \(B, {CHANNELS}, H, W\)"):
            build(name)(torch.zeros(1, CHANNELS + 1, 4, 4))

    def test_too_few_positions_are_refused_and_never_zero(self, name):
        pool = build(name).eval()
        one = torch.ones(1, CHANNELS, 1, 1)
        if pool.min_positions == 1:
            assert pool(one).abs().sum() > 0
        else:
            with pytest.raises(ValueError, match="at least 2 positions"):
                pool(one)

    def test_the_state_dict_and_a_deep_copy_keep_the_values(self, name):
        pool = build(name, reduce_to=4).eval()
        x = draw(2, CHANNELS, 4, 4, dtype=torch.float32)
        torch.manual_seed(1)
        other = create_pool(name, CHANNELS, 4, **NEEDED.get(name, {})).eval()
        other.load_state_dict(pool.state_dict())
        assert torch.equal(other(x), pool(x))
        assert torch.equal(copy.deepcopy(pool)(x), pool(x))

    def test_state_dict_names_begin_with_a_slot(self, name):
        slots = {"reduce", "reweight", "describe", "normalize", "vectorize", "summarize", "gate", "candidates"}
        assert {key.split(".")[0] for key in build(name, reduce_to=4).state_dict()} <= slots

    def test_it_builds_and_runs_on_the_meta_device(self, name):
        with torch.device("meta"):
            pool = build(name, reduce_to=4)
        assert pool(torch.empty(2, CHANNELS, 4, 4, device="meta")).shape == (2, pool.out_features)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in OF_EACH_KIND else pytest.mark.slow) for name in POOLS]
)
def test_it_exports_with_a_dynamic_batch(name):
    pool = build(name, reduce_to=4).eval()
    x = draw(3, CHANNELS, 4, 4, dtype=torch.float32)
    program = torch.export.export(pool, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},))
    other = draw(5, CHANNELS, 4, 4, seed=1, dtype=torch.float32)
    torch.testing.assert_close(program.module()(other), pool(other), rtol=1e-5, atol=1e-6)


COMPILE = """
import sys
import torch
from covpool.pooling import create_pool
needed = {needed!r}
for name in sys.argv[1:]:
    torch.compiler.reset()  # all pools share one forward, and its recompilations are limited
    pool = create_pool(name, 6, 4, **needed.get(name, {{}}))
    x = torch.rand(2, 6, 4, 4)
    compiled = torch.compile(pool, fullgraph=True, backend="eager")
    for mode in (True, False):
        pool.train(mode)
        torch.manual_seed(1)
        y = compiled(x)
        torch.manual_seed(1)
        torch.testing.assert_close(y, pool(x))
"""


def compile_in_a_process_of_its_own(names):
    """The shape checks of the test session are no part of a graph."""
    command = [sys.executable, "-c", COMPILE.format(needed=NEEDED), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_second_and_a_first_order_pool_compile_into_one_graph():
    compile_in_a_process_of_its_own(["isqrt", "gem"])


@pytest.mark.slow
def test_every_pool_compiles_into_one_graph():
    compile_in_a_process_of_its_own(POOLS)
