"""Along the gradient: closed forms of a quadratic, and the numbers of the released loop."""

import pytest
import torch

from analysis.tiny import batches, quadratic, tiny
from covpool.analysis import Activations, NotFinite, Objective, along_gradient, even_distances
from parity.test_gcp_opt_networks import LANDSCAPE, checkpoint, fields_of, rebuilt


@pytest.mark.parametrize("sign", [1, -1])
def test_a_quadratic_has_the_landscape_of_its_formula(sign):
    matrix, objective = quadratic()
    x, distances = objective.start, even_distances(0.01, 0.3, 7)
    found = along_gradient(objective.gradient, x, distances, sign=sign)
    g = matrix @ x
    points = [x + sign * d * g for d in distances]
    losses = [float(p @ matrix @ p / 2) for p in points]
    assert found.losses == pytest.approx(losses)
    assert found.gradient_changes == pytest.approx([d * float((matrix @ g).norm()) for d in distances])
    assert found.smoothness == pytest.approx(float((matrix @ g).norm() / g.norm()))  # constant along the line
    assert found.smoothness <= float(torch.linalg.matrix_norm(matrix, 2)) + 1e-9
    assert found.loss_range == pytest.approx((min(losses), max(losses)))
    rises = [abs(v - found.loss) / float((p - x).norm()) for v, p in zip(losses, points, strict=True)]
    assert found.lipschitz == pytest.approx(max(rises))


def released(case, which):
    network, _, _ = rebuilt(checkpoint(case), LANDSCAPE[case])
    images, fields = fields_of(case)
    function = Activations(network.double(), (images.double(), fields["target"]))
    assert function.at == "backbone.maxpool"
    assert list(function.start.shape) == fields["base_out_shape"].tolist()
    distances = fields["deltas"][which].tolist()
    found = along_gradient(function.gradient, function.start, distances)
    assert found.loss == pytest.approx(float(fields["loss0"]), rel=1e-12)
    assert found.gradient_norm == pytest.approx(float(fields["grad_norm0"]), rel=1e-10)
    assert found.losses == pytest.approx(fields["losses"][which].tolist(), rel=1e-9)
    assert found.gradient_changes == pytest.approx(fields["grad_diff_l2"][which].tolist(), rel=1e-9)
    return found, fields


def test_the_last_step_of_the_released_loop():
    released("landscape_resnet18_mpncov", [49])


@pytest.mark.slow
@pytest.mark.parametrize("case", LANDSCAPE)
def test_all_fifty_steps_of_the_released_loop(case):
    found, fields = released(case, list(range(50)))
    assert found.loss_range == pytest.approx(tuple(fields["base_loss_minmax"].tolist()), rel=1e-10)
    assert even_distances(0.1, 75, 50) == pytest.approx(found.distances, rel=1e-6)  # the loop has them in float32


def test_the_activations_behind_the_first_stage_give_the_network_its_loss():
    network, batch = tiny(), batches(1)[0]
    function = Activations(network, batch)
    assert function.at == "backbone.bn1"
    loss, gradient = function.gradient(function.start)
    expected = Objective(network, [batch], mode="training")
    assert loss == pytest.approx(expected.value(expected.start), rel=1e-12)
    step = 1e-6 * torch.randn(gradient.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rise = (function.gradient(function.start + step)[0] - function.gradient(function.start - step)[0]) / 2
    assert rise == pytest.approx(float((gradient * step).sum()), rel=1e-5)


def test_what_has_no_direction_or_no_number_is_refused():
    def flat(x):
        return 0.0, torch.zeros_like(x)

    with pytest.raises(ValueError, match="gives no direction"):
        along_gradient(flat, torch.ones(3), [1.0])
    with pytest.raises(ValueError, match="distances above 0"):
        along_gradient(flat, torch.ones(3), [0.0])
    objective = Objective(tiny(), batches(), mode="evaluation")
    with pytest.raises(NotFinite, match="at a distance of 1e\\+308"):
        along_gradient(objective.gradient, objective.start, [0.1, 1e308])
    with pytest.raises(ValueError, match=r"unknown submodule 'backbone\.bn2'"):
        Activations(tiny(), batches()[0], at="backbone.bn2")
