import pytest
import torch
from torch import nn

from covpool.evaluation.explain import ScaledHead, contributions
from covpool.models.heads import Head
from covpool.pooling import create_pool, pools
from pooling_cases import CHANNELS, NEEDED, draw

TARGET = 1
# degree of the pooled vector in the deviations of the descriptors: the closed form
EULER = {"isqrt": 1, "mpncov-eig": 1, "covariance": 2, "bilinear": 1, "avg": 1, "gem": 1, "gem-fixed": 1, "flatten": 1,
         "max": 1, "stats": 1, "cbp": 1, "sr-sop": 1, "gm-sop": 1, "gm-gap": 1, "dropcov": 2, "crosscov": 1,
         "improved-bilinear": 0.5, "random-maclaurin": 1, "low-rank": 1, "smso": 1, "run": 1, "shrinkage": 1,
         "gsop": 1}  # fmt: skip
SCALE_FREE = {"correlation", "isice", "maxexp", "log-euclidean"}
KINKED = {"avg-expand": 2e-2, "monet": 2e-2, "log-cholesky": 2e-3}  # quadrature meets kinks or logarithms


def scaled(name, *, head_options=None, summary=None, **options):
    torch.manual_seed(0)
    pool = create_pool(name, CHANNELS, **NEEDED.get(name, {}), **options)
    head = Head(pool, 3, **(head_options or {})).double().eval()
    x = draw(1, CHANNELS, 4, 4)
    return ScaledHead(head, x, summary, TARGET), head, x


@pytest.mark.parametrize("name", pools.names())
def test_the_contributions_add_up_to_what_their_rule_says(name):
    scale, head, x = scaled(name)
    found = contributions(scale)
    assert found.score == pytest.approx(head(x)[0, TARGET].item(), abs=1e-12)
    assert (found.rule == "euler") == (name in EULER)
    assert (found.rule == "derivative") == (name in SCALE_FREE)
    assert found.degree == EULER.get(name, found.degree)
    assert abs(found.error) <= KINKED.get(name, 1e-5) * found.positions.abs().sum()
    assert found.positions.abs().sum() > 1e-6


@pytest.mark.parametrize("name", [n for n, p in EULER.items() if n not in ("gm-sop", "gm-gap")])
def test_of_a_homogeneous_pool_they_add_up_to_score_minus_bias(name):
    scale, head, x = scaled(name)
    found = contributions(scale)
    bias = head.classifier.bias[TARGET].item()
    assert found.positions.sum().item() == pytest.approx(head(x)[0, TARGET].item() - bias, abs=1e-5)


@pytest.mark.parametrize("normalize", ["signed-sqrt", "l2", "epn", "mpn", "svpn", "scale", "learned-scale"])
def test_so_do_those_of_every_normalisation_of_dropcov(normalize):
    scale, head, x = scaled("dropcov", normalize=normalize)
    found = contributions(scale)
    bias = head.classifier.bias[TARGET].item()
    assert found.rule == "euler"
    assert found.positions.sum().item() == pytest.approx(head(x)[0, TARGET].item() - bias, abs=1e-5)


@pytest.mark.parametrize(("name", "degree"), [("covariance", 1), ("isqrt", 0.5), ("mpncov-eig", 0.5)])
def test_each_is_the_gradient_in_the_matrix_times_its_outer_product(name, degree):
    scale, head, x = scaled(name)
    z = x.flatten(2)[0]
    z = z - z.mean(1, keepdim=True)
    pool = head.pool
    matrix = (z @ z.T / z.shape[1]).requires_grad_()
    score = head.classifier(pool.vectorize(pool.normalize(matrix[None])))[0, TARGET]
    (gradient,) = torch.autograd.grad(score, matrix)
    naive = [(gradient * torch.outer(z[:, n], z[:, n])).sum().item() / z.shape[1] / degree for n in range(z.shape[1])]
    torch.testing.assert_close(contributions(scale).positions, torch.tensor(naive, dtype=torch.float64))


def test_for_average_pooling_they_are_the_class_activation_map():
    scale, head, x = scaled("avg")
    weights = head.classifier.weight[TARGET]
    torch.testing.assert_close(contributions(scale).positions, (weights @ x.flatten(2)[0] / 16).detach())


def test_for_the_maximum_they_stand_where_the_maxima_are():
    scale, head, x = scaled("max")
    naive = torch.zeros(16).double()
    for channel in range(CHANNELS):
        place = x.flatten(2)[0, channel].argmax()
        naive[place] += head.classifier.weight[TARGET, channel].item() * x.flatten(2)[0, channel, place]
    torch.testing.assert_close(contributions(scale).positions, naive)


def test_a_position_at_the_mean_adds_nothing_to_a_covariance():
    _, head, x = scaled("isqrt")
    x[..., 0, 0] = x.flatten(2)[..., 1:].mean(-1)
    assert abs(contributions(ScaledHead(head, x, None, TARGET)).positions[0]) < 1e-12


def test_the_held_norm_is_that_of_the_picture():
    scale, head, x = scaled("bilinear")
    z = x.flatten(2)[0]
    root = lambda s: s.sign() * s.abs().sqrt()  # noqa: E731
    moment = (z @ z.T / 16).requires_grad_()
    norm = root(moment.detach()).norm()
    score = head.classifier((root(moment) / norm).flatten()[None])[0, TARGET]
    (gradient,) = torch.autograd.grad(score, moment)
    naive = torch.einsum("ij,in,jn->n", gradient, z, z) / 16 / 0.5
    torch.testing.assert_close(contributions(scale).positions, naive, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    "options", [{"embedding": 5}, {"hidden": (7,)}, {"summary": "sum", "summary_features": 4},
                {"summary": "concat", "summary_features": 4}]
)  # fmt: skip
def test_every_kind_of_head_can_be_explained(options):
    token = draw(1, 4) if "summary" in options else None
    scale, head, x = scaled("isqrt", head_options=options, summary=token)
    found = contributions(scale)
    assert found.score == pytest.approx(head(x, token)[0, TARGET].item(), abs=1e-12)
    assert abs(found.error) <= 2e-2 * found.positions.abs().sum()
    assert found.rule == ("euler" if "summary" in options else "path")


def test_a_constant_map_adds_nothing():
    head = Head(create_pool("isqrt", CHANNELS), 3).double().eval()
    found = contributions(ScaledHead(head, torch.ones(1, CHANNELS, 3, 3).double(), None, TARGET))
    assert found.positions.abs().max() == 0
    assert found.score == pytest.approx(head.classifier.bias[TARGET].item())


def test_a_foreign_pool_without_slots_is_explained_by_its_map():
    class Mean(nn.Module):
        in_features = out_features = CHANNELS

        def forward(self, x):
            return x.mean((2, 3))

    head = Head(Mean(), 3).double().eval()
    x = draw(1, CHANNELS, 2, 3)
    found = contributions(ScaledHead(head, x, None, TARGET))
    torch.testing.assert_close(found.positions, (head.classifier.weight[TARGET] @ x.flatten(2)[0] / 6).detach())


def test_the_head_is_left_as_it_was():
    _, head, x = scaled("bilinear")
    before = head(x)
    contributions(ScaledHead(head, x, None, TARGET))
    assert torch.equal(head(x), before)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in head.modules())
    assert all(p.requires_grad and p.grad is None for p in head.classifier.parameters())
