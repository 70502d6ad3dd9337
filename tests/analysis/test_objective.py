"""The loss as a function of the weights: exact derivatives, no side effects, one number for one question."""

import copy

import pytest
import torch

from analysis.tiny import Tiny, batches, full_hessian, quadratic, tiny
from covpool.analysis import NotFinite, Objective
from covpool.evaluation.memory import LiveStorages


def directions(objective, count=3):
    draws = torch.Generator().manual_seed(5)
    return [torch.randn(len(objective.start), generator=draws, dtype=torch.float64) for _ in range(count)]


def test_a_quadratic_has_the_derivatives_of_its_formula():
    matrix, objective = quadratic()
    loss, gradient = objective.gradient(objective.start)
    assert loss == pytest.approx(float(objective.start @ matrix @ objective.start / 2))
    torch.testing.assert_close(gradient, matrix @ objective.start)
    for v in directions(objective):
        torch.testing.assert_close(objective.hessian_times(objective.start, v), matrix @ v)
    assert objective.curvature == "double-backward"


@pytest.mark.parametrize("pool", ["avg", "isqrt", "covariance"])
@pytest.mark.parametrize("mode", ["batch-statistics", "evaluation"])
def test_hessian_products_equal_the_full_hessian(pool, mode):
    objective = Objective(tiny(pool), batches(), mode=mode)
    full = full_hessian(objective)
    assert objective.curvature == "double-backward"
    for v in directions(objective):
        torch.testing.assert_close(objective.hessian_times(objective.start, v), full @ v, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("pool", ["isqrt", "mpncov-eig"])
def test_differences_of_gradients_equal_the_full_hessian_of_the_plain_root(pool):
    """A closed-form gradient is a constant to a second backward pass: of eigenvalues it leaves terms out in silence."""
    network = tiny(pool)
    objective = Objective(network, batches(), curvature="differences")
    full = torch.stack([objective.hessian_times(objective.start, v) for v in torch.eye(len(objective.start)).double()])
    assert (full - full.T).abs().max() <= 1e-5 * full.abs().max()
    if pool == "isqrt":
        torch.testing.assert_close(full, full_hessian(Objective(network, batches())), rtol=1e-5, atol=1e-6)


def test_double_backward_is_taken_only_where_it_is_right():
    assert Objective(tiny("mpncov-eig"), batches()).curvature == "differences"
    with pytest.raises(ValueError, match=r"need float64; got torch\.float32"):
        _ = Objective(tiny("mpncov-eig"), batches(), dtype=torch.float32).curvature
    assert Objective(tiny(), batches(), dtype=torch.float32).curvature == "double-backward"


def test_the_network_its_buffers_and_the_random_numbers_are_left_alone():
    network = tiny(dropout=0.5)
    before, draws = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    objective = Objective(network, batches(), mode="training")
    objective.hessian_times(objective.start, torch.ones_like(objective.start))
    objective.gradient(objective.start + 1)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert network.training
    assert torch.equal(torch.get_rng_state(), draws)


def test_the_same_question_has_the_same_answer_bit_by_bit():
    """Dropout and batch norm in training mode, asked in another order, with other random numbers around."""
    first = Objective(tiny(dropout=0.5), batches(), mode="training")
    there = first.start + 0.1
    one, two = first.gradient(first.start), first.gradient(there)
    torch.rand(7)
    second = Objective(tiny(dropout=0.5), batches(), mode="training")
    assert torch.equal(second.gradient(there)[1], two[1])
    assert torch.equal(second.gradient(second.start)[1], one[1])
    other = Objective(tiny(dropout=0.5), batches(), mode="training", seed=1)
    assert not torch.equal(other.gradient(other.start)[1], one[1])


def test_modes_differ_where_they_should():
    network = tiny(dropout=0.5)
    network(batches()[0][0])  # running statistics of some batch
    found = {
        mode: Objective(network, batches(), mode=mode).value(Objective(network, batches()).start)
        for mode in ("training", "batch-statistics", "evaluation", "calibrated")
    }
    assert len(set(found.values())) == 4


def test_the_mean_is_over_examples_not_over_batches():
    uneven = [*batches(1, 6), *batches(1, 2, seed=9)]
    whole = [tuple(torch.cat(parts) for parts in zip(*uneven, strict=True))]
    one, other = (Objective(tiny(), given, mode="evaluation") for given in (uneven, whole))
    assert one.value(one.start) == pytest.approx(other.value(other.start), rel=1e-12)
    torch.testing.assert_close(one.gradient(one.start)[1], other.gradient(other.start)[1])


def test_only_the_named_parts_vary():
    objective = Objective(tiny(), batches(), parts=["head.classifier"])
    assert objective.names == ["head.classifier.weight", "head.classifier.bias"]
    with pytest.raises(ValueError, match="no parameter begins with nothing"):
        Objective(tiny(), batches(), parts=["nothing"])


def test_a_loss_that_is_no_number_is_refused():
    objective = Objective(tiny(), batches())
    for bad in (float("nan"), float("inf")):
        with pytest.raises(NotFinite):
            objective.value(objective.start * bad)
        with pytest.raises(NotFinite):
            objective.gradient(objective.start * bad)
    with pytest.raises(ValueError, match="at least one batch"):
        Objective(tiny(), [])


def test_memory_does_not_grow_with_the_number_of_batches():
    def peak(count):
        objective = Objective(Tiny(), batches(1, 16) * count)
        assert objective.curvature == "double-backward"
        with LiveStorages([objective.start]) as counter:
            objective.hessian_times(objective.start, torch.ones_like(objective.start))
        return counter.peak

    assert peak(6) <= 1.05 * peak(2)
