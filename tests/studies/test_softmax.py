"""The path of softmax classifiers against scikit-learn and against its own optimality."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

from covpool.studies.softmax import fit_softmax


def drawn(n: int = 120, dim: int = 15, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(classes, dim, generator=generator)
    labels = torch.arange(n) % classes
    return centres[labels] + torch.randn(n, dim, generator=generator), labels


@pytest.mark.parametrize("penalty", [1e-1, 1e-2, 1e-3])
def test_the_solution_is_that_of_scikit_learn(penalty: float):
    x, labels = drawn()
    path = fit_softmax(x.double(), labels, 4, [penalty], tolerance=1e-5, max_iterations=1000)
    reference = LogisticRegression(C=1 / penalty / len(x), tol=1e-10, max_iter=5000).fit(x.double().numpy(), labels)
    assert path.converged == [True]
    said = path.logits(x.double(), 0).softmax(1).numpy()
    np.testing.assert_allclose(said, reference.predict_proba(x.double().numpy()), atol=1e-5)


def test_every_problem_of_a_path_is_the_one_fitted_alone():
    x, labels = drawn()
    penalties = [1.0, 1e-3, 1e-5]
    together = fit_softmax(x, labels, 4, penalties, tolerance=1e-3)
    for index, penalty in enumerate(penalties):
        alone = fit_softmax(x, labels, 4, [penalty], tolerance=1e-3)
        torch.testing.assert_close(together.weight[index], alone.weight[0], rtol=1e-3, atol=1e-3)


def test_the_gradient_at_the_solution_is_small_by_autograd():
    x, labels = drawn()
    penalties = [1e-1, 1e-4]
    path = fit_softmax(x.double(), labels, 4, penalties, tolerance=1e-5, max_iterations=1000)
    for index, penalty in enumerate(penalties):
        weight, bias = path.weight[index].clone().requires_grad_(), path.bias[index].clone().requires_grad_()
        loss = F.cross_entropy(x.double() @ weight + bias, labels) + penalty / 2 * weight.square().sum()
        gradients = torch.autograd.grad(loss, (weight, bias))
        assert max(g.abs().max() for g in gradients) < 1e-5


def test_shifting_the_features_changes_no_probability():
    x, labels = drawn()
    x = x.double()
    plain = fit_softmax(x, labels, 4, [1e-2], tolerance=1e-6, max_iterations=1000)
    shifted = fit_softmax(x + 2, labels, 4, [1e-2], tolerance=1e-6, max_iterations=1000)
    torch.testing.assert_close(plain.logits(x, 0).softmax(1), shifted.logits(x + 2, 0).softmax(1), rtol=1e-4, atol=1e-5)


def test_a_path_cut_short_says_what_did_not_converge():
    x, labels = drawn()
    path = fit_softmax(x, labels, 4, [100.0, 1e-6], max_iterations=5)
    assert path.converged == [True, False]
    assert path.iterations == 5


def test_the_number_of_threads_is_left_as_it_was():
    before = torch.get_num_threads()
    fit_softmax(*drawn(), 4, [1.0])
    assert torch.get_num_threads() == before
