import pytest
import torch

from analysis.tiny import batches, quadratic, tiny
from covpool.analysis import NotFinite, Objective, sharpness


def test_a_quadratic_rises_as_its_formula_says():
    matrix, objective = quadratic()
    x = objective.start
    e = 0.1 * matrix @ x / (matrix @ x).norm()
    expected = float((x + e) @ matrix @ (x + e) / 2 - x @ matrix @ x / 2)
    found = sharpness(objective, 0.1)
    assert found["one_step"] == pytest.approx(expected)
    assert found["m_sharpness"] == pytest.approx(expected)  # one batch


def test_each_batch_alone_finds_a_steeper_way():
    found = sharpness(Objective(tiny(), batches(4), mode="evaluation"), 0.01)
    assert found["m_sharpness"] > found["one_step"] > 0
    assert found["m"] == 5


def test_m_sharpness_is_the_mean_over_batches():
    given = batches(3)
    alone = [sharpness(Objective(tiny(), [one]), 0.05)["one_step"] for one in given]
    assert sharpness(Objective(tiny(), given), 0.05)["m_sharpness"] == pytest.approx(sum(alone) / 3, rel=1e-9)


def test_a_ball_must_have_a_radius_and_numbers_on_its_rim():
    objective = Objective(tiny(), batches(), mode="evaluation")
    with pytest.raises(ValueError, match="radius above 0"):
        sharpness(objective, 0)
    with pytest.raises(NotFinite, match="at the rim of a ball of radius 1e\\+200"):
        sharpness(objective, 1e200)
    assert torch.isfinite(torch.tensor(sharpness(objective)["one_step"]))
