"""Each parameter is in the group that it should be in."""

import pytest
import torch

from covpool.models import create_network
from covpool.recipes import OptimizerSpec
from covpool.training.parts.optimizer import (
    build_optimizer,
    optimizer_mistakes,
    parameter_groups,
    set_lr,
    set_training_mode,
)


@pytest.fixture(scope="module")
def network():
    return create_network("conv4", "isqrt", num_classes=3, reduce_to=8)


def by_name(network, spec):
    """Parameter name -> (lr_scale, weight_decay)."""
    names = {id(p): name for name, p in network.named_parameters()}
    groups = parameter_groups(network, spec)
    found = [(names[id(p)], (g["lr_scale"], g["weight_decay"])) for g in groups for p in g["params"]]
    assert len(found) == len(names)
    return dict(found)


def test_norm_and_bias_do_not_decay_by_default(network):
    for name, (_, decay) in by_name(network, OptimizerSpec(weight_decay=0.1)).items():
        flat = dict(network.named_parameters())[name].ndim == 1
        assert decay == (0.0 if flat else 0.1)


def test_everything_decays_where_the_recipe_says_so(network):
    spec = OptimizerSpec(weight_decay=0.1, decay_norm_and_bias=True)
    assert {decay for _, decay in by_name(network, spec).values()} == {0.1}


def test_biases_outside_norms_may_decay_and_norms_not(network):
    decays = by_name(network, OptimizerSpec(weight_decay=0.1, decay_bias=True))
    modules = dict(network.named_modules())
    norms = {name for name, module in modules.items() if "Norm" in type(module).__name__}
    assert norms
    for name, (_, decay) in decays.items():
        assert decay == (0.0 if name.rpartition(".")[0] in norms else 0.1)
    assert decays["head.classifier.bias"][1] == 0.1


def test_the_classifier_may_have_a_decay_of_its_own(network):
    spec = OptimizerSpec(weight_decay=0.1, decay_norm_and_bias=True, classifier_weight_decay=0.0)
    decays = {name: decay for name, (_, decay) in by_name(network, spec).items()}
    assert {name for name, decay in decays.items() if decay == 0} == {"head.classifier.weight", "head.classifier.bias"}
    assert set(decays.values()) == {0.0, 0.1}


def test_the_multiplier_is_the_classifiers_alone(network):
    scales = by_name(network, OptimizerSpec(classifier_lr_multiplier=5.0))
    fast = {name for name, (scale, _) in scales.items() if scale == 5.0}
    assert fast == {"head.classifier.weight", "head.classifier.bias"}
    assert {scale for name, (scale, _) in scales.items() if name not in fast} == {1.0}


def test_layer_decay_is_a_power_of_the_distance_from_the_head():
    network = create_network("resnet18", "isqrt", num_classes=3)
    scales = by_name(network, OptimizerSpec(layer_decay=0.5, classifier_lr_multiplier=3.0))
    assert scales["head.classifier.weight"][0] == 3.0
    assert {scale for name, (scale, _) in scales.items() if name.startswith("head.pool")} == {1.0}
    # stem, then two blocks in each of four stages, then the head
    blocks = [f"backbone.layer{stage}.{block}.conv1.weight" for stage in (1, 2, 3, 4) for block in (0, 1)]
    assert scales["backbone.conv1.weight"][0] == 0.5**9
    assert [scales[name][0] for name in blocks] == [0.5**n for n in range(8, 0, -1)]


def test_the_rate_of_each_group_is_scaled(network):
    optimizer = build_optimizer(network, OptimizerSpec(name="sgd", lr=1.0, classifier_lr_multiplier=5.0))
    set_lr(optimizer, 0.2)
    assert {group["lr_scale"]: group["lr"] for group in optimizer.param_groups} == {1.0: 0.2, 5.0: 1.0}


@pytest.mark.parametrize("name", ["adamw", "sgd", "momentum", "lamb", "lookahead_adamw"])
def test_timms_names_build_and_step(network, name):
    optimizer = build_optimizer(network, OptimizerSpec(name=name, lr=1e-3, momentum=0.8))
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = network.head.classifier.weight.detach().clone()
    optimizer.step()
    assert not torch.equal(before, network.head.classifier.weight)
    assert optimizer.param_groups[0].get("momentum", 0.8) == 0.8


def test_momentum_has_no_nesterov_term_and_sgd_has_one(network):
    assert build_optimizer(network, OptimizerSpec(name="sgd")).param_groups[0]["nesterov"]
    assert not build_optimizer(network, OptimizerSpec(name="momentum")).param_groups[0]["nesterov"]


def test_unknown_optimizers_are_answered_with_the_nearest_and_second_order_ones_refused():
    assert "did you mean 'adamw'" in optimizer_mistakes("adamww")[0]
    assert "second derivatives" in optimizer_mistakes("adahessian")[0]
    assert optimizer_mistakes("lookahead_sgd") == []


def test_a_frozen_backbone_stands_still_with_its_statistics(network):
    set_training_mode(network, frozen=True)
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    network(torch.randn(4, 3, 12, 12)).sum().backward()
    assert all(p.grad is None or not p.requires_grad for p in network.backbone.parameters())
    assert all(torch.equal(before[name], value) for name, value in network.backbone.state_dict().items())
    assert network.head.training
    assert not network.backbone.training
    set_training_mode(network, frozen=False)
    assert all(p.requires_grad for p in network.parameters())
    assert network.backbone.training


def test_patterns_multiply_rates_and_spare_from_decay(network):
    spec = OptimizerSpec(
        weight_decay=0.1,
        lr_multipliers={"backbone.*": 0.5, "*.weight": 3.0},
        no_decay=("head.pool.*",),
        decay_norm_and_bias=True,
        classifier_lr_multiplier=2.0,
    )
    found = {}
    for group in parameter_groups(network, spec):
        for parameter in group["params"]:
            found[id(parameter)] = group["lr_scale"], group["weight_decay"]
    for name, parameter in network.named_parameters():
        scale = 0.5 if name.startswith("backbone.") else 1.0
        scale *= 3.0 if name.endswith(".weight") else 1.0
        scale *= 2.0 if name.startswith("head.classifier.") else 1.0
        assert found[id(parameter)] == (scale, 0.0 if name.startswith("head.pool.") else 0.1)


def test_a_pattern_that_fits_nothing_is_a_sentence(network):
    with pytest.raises(ValueError, match=r"\['backbon\.\*'\] fit none"):
        parameter_groups(network, OptimizerSpec(no_decay=("backbon.*",)))


@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_lars_and_lamb_take_their_steps(network, name):
    optimizer = build_optimizer(network, OptimizerSpec(name=name, lr=0.1, momentum=0.9))
    before = [p.detach().clone() for p in network.parameters()]
    set_lr(optimizer, 0.1)
    network(torch.randn(4, 3, 16, 16)).square().sum().backward()
    optimizer.step()
    assert all(p.isfinite().all() for p in network.parameters())
    assert sum(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)) > len(before) // 2
