import pytest
import torch
from torch.autograd import gradcheck

from covpool.functional.gating import balance_loss, candidate_convolution, gate_scores, top_k_weights


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_one_number_an_image_moves_all_its_scores_by_their_softplus():
    g, w, v, noise = draw(3, 4), draw(4, 5, seed=1), draw(4, 5, seed=2), draw(3, seed=3)
    expected = g @ w + noise[:, None] * (1 + (g @ v).exp()).log()
    torch.testing.assert_close(gate_scores(g, w, v, noise), expected)
    assert gate_scores(1e4 * g.float(), w.float(), v.float(), noise.float()).isfinite().all()


def test_the_weights_are_the_softmax_of_the_best():
    scores = draw(4, 6)
    weights = top_k_weights(scores, 2)
    for row, found in zip(scores, weights, strict=True):
        best = row.topk(2)
        expected = torch.zeros(6, dtype=row.dtype).scatter(0, best.indices, best.values.softmax(0))
        torch.testing.assert_close(found, expected)


def test_the_gradient_of_the_weights_is_true():
    assert gradcheck(lambda s: top_k_weights(s, 3), (draw(4, 6).requires_grad_(),))


def test_equal_scores_choose_at_random_image_by_image_only_where_asked():
    equal = torch.ones(400, 4) + 1e-7 * draw(400, 4).float()  # equal up to rounding
    assert (top_k_weights(equal, 2) > 0).tolist() == [[True, True, False, False]] * 400
    drawn = top_k_weights(equal, 2, shuffle=True, generator=torch.Generator().manual_seed(0)) > 0
    assert (drawn.sum(1) == 2).all()
    assert (drawn.float().mean(0) - 0.5).abs().max() < 0.1
    apart = draw(400, 4)
    assert torch.equal(top_k_weights(apart, 2, shuffle=True), top_k_weights(apart, 2))


def test_even_use_costs_nothing_and_the_loss_shrinks_with_the_batch():
    weights = torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    use = weights.sum(0)
    expected = 100 / 2 * (use.std() / use.mean()) ** 2
    torch.testing.assert_close(balance_loss(weights), expected)
    torch.testing.assert_close(balance_loss(weights.repeat(3, 1)), expected / 3)
    assert balance_loss(torch.full((3, 4), 0.25)) == 0


@pytest.mark.parametrize("positions", [1, 5], ids=["by candidate", "by image"])
def test_each_image_sees_the_convolutions_of_its_own_candidates(positions):
    x, weight, index = draw(3, 8, positions), draw(6, 9, 8, seed=1), torch.tensor([[0, 5], [1, 1], [2, 3]])
    y = candidate_convolution(x, weight, index)
    assert gradcheck(candidate_convolution, (x.requires_grad_(), weight.requires_grad_(), index))
    for image in range(3):
        for place in range(2):
            torch.testing.assert_close(y[image, place], weight[index[image, place]] @ x[image])


def test_values_that_mean_nothing_are_refused():
    for k in (0, 5):
        with pytest.raises(ValueError, match="between 1 and all of its 4 candidates"):
            top_k_weights(torch.zeros(1, 4), k)
    with pytest.raises(ValueError, match="at least 2 candidates"):
        balance_loss(torch.ones(3, 1))
