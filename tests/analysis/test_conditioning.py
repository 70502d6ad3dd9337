import pytest
import torch

from analysis.tiny import batches, tiny
from covpool.analysis import Objective, conditioning, gram_of_gradients


def objective():
    return Objective(tiny(), batches(2, 5), mode="calibrated")


def test_the_gram_matrix_is_that_of_gradients_taken_one_by_one():
    function = objective()
    pictures = [(x[i : i + 1], y[i : i + 1]) for x, y in function.batches for i in range(len(y))]
    gradients = torch.stack([function.on([one]).gradient(function.start)[1] for one in pictures])
    torch.testing.assert_close(gram_of_gradients(function, 10), gradients @ gradients.T)
    torch.testing.assert_close(gradients.mean(0), function.gradient(function.start)[1])


@pytest.mark.parametrize("rows", [1, 3])
def test_blocks_of_any_size_give_the_same_matrix(rows):
    function = objective()
    small = gram_of_gradients(function, 10, most_bytes=rows * 2 * len(function.start) * 8)
    torch.testing.assert_close(small, gram_of_gradients(function, 10))


def test_the_numbers_are_those_of_the_second_moment_written_out():
    function = objective()
    pictures = [(x[i : i + 1], y[i : i + 1]) for x, y in function.batches for i in range(len(y))]
    g = torch.stack([function.on([one]).gradient(function.start)[1] for one in pictures])
    moment = torch.linalg.eigvalsh(g.T @ g / 10).flip(0)[:10].clamp(min=0)
    found = conditioning(function, 10)
    torch.testing.assert_close(torch.tensor(found["eigenvalues"], dtype=torch.float64), moment, rtol=1e-8, atol=1e-10)
    assert found["anisotropy"] == pytest.approx(float(moment[0] / moment.mean()))
    assert found["signal"] == pytest.approx(float(g.mean(0).norm() ** 2 / (g.norm(dim=1) ** 2).mean()))
    assert 1 <= found["effective_rank"] <= 10


def test_examples_need_a_gradient_of_their_own():
    with pytest.raises(ValueError, match="measure with the mode 'calibrated'"):
        conditioning(Objective(tiny(), batches()))
