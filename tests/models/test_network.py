import copy
import json
import logging

import pytest
import timm
import torch
from timm.models import group_parameters

from covpool.models import create_network
from covpool.weights import WeightsMismatch


@pytest.fixture(scope="module")
def vit():
    return create_network("test_vit", num_classes=4)


@pytest.fixture(scope="module")
def resnet():
    return create_network("test_resnet", num_classes=4)


def test_logits_are_the_classifier_of_the_pooled_map(resnet):
    resnet.eval()
    x = torch.randn(2, 3, 96, 96)
    features = resnet.forward_features(x)
    vector = resnet.forward_head(features, pre_logits=True)
    assert torch.equal(vector, resnet.head.pool(features))
    assert torch.equal(resnet(x), resnet.get_classifier()(vector))


def test_the_map_is_what_the_plain_backbone_computes(resnet):
    plain = timm.create_model("test_resnet", num_classes=0).eval()
    plain.load_state_dict(resnet.eval().backbone.state_dict())
    x = torch.randn(2, 3, 96, 96)
    assert torch.equal(resnet.forward_features(x), plain.forward_features(x))


def test_the_class_token_is_the_summary_and_not_in_the_map(vit):
    vit.eval()
    x = torch.randn(2, 3, 160, 160)
    tokens = vit.backbone.forward_features(x)
    features = vit.features(x)
    assert torch.equal(features.summary, tokens[:, 0])
    assert torch.equal(features.map[..., 0], tokens[:, 1:].transpose(1, 2))


def test_state_dict_names_are_those_of_backbone_pool_and_classifier():
    network = create_network("test_byobnet", num_classes=4, reduce_to=16)
    parts = {".".join(name.split(".")[:2]) for name in network.state_dict() if name.startswith("head.")}
    assert parts == {"head.pool", "head.classifier"}
    assert all(name.startswith(("backbone.", "head.")) for name in network.state_dict())
    assert any(name.startswith("head.pool.reduce.") for name in network.state_dict())


def test_reset_classifier_keeps_the_pool_and_is_remembered():
    network = create_network("conv4", num_classes=4).double()
    pool = network.head.pool
    network.reset_classifier(7)
    assert network.head.pool is pool
    assert network(torch.randn(2, 3, 16, 16, dtype=torch.double)).shape == (2, 7)
    assert network.num_classes == network.architecture["num_classes"] == 7
    network.reset_classifier(0)
    assert network(torch.randn(2, 3, 16, 16, dtype=torch.double)).shape == (2, network.head_hidden_size)


def test_reset_classifier_does_not_change_the_pool():
    with pytest.raises(ValueError, match="keeps the pool 'isqrt'; for 'avg' make a new network"):
        create_network("conv4").reset_classifier(3, "avg")


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize(
    "name", ["test_resnet", "test_vit", "test_convnext", "cait_xxs24_224", "conv4", "beit_base_patch16_224"]
)
def test_layers_are_the_backbones_own_with_the_head_last(name, coarse):
    with torch.device("meta"):
        network = create_network(name, num_classes=2, layout="NCHW", pruned=())
        plain = network.backbone
    layers = group_parameters(network, network.group_matcher(coarse), reverse=True)
    own = group_parameters(plain, plain.group_matcher(coarse=coarse), reverse=True)
    last = max(layers.values())
    head = {key for key in layers if key.startswith("head.")}
    assert {key for key, layer in layers.items() if layer == last} >= head
    earlier = {key: layer for key, layer in own.items() if layer < max(own.values())}
    assert all(layers[f"backbone.{key}"] == layer for key, layer in earlier.items())
    assert layers["backbone." + next(iter(own))] == 0


def test_no_weight_decay_names_parameters_of_the_backbone(vit):
    assert vit.no_weight_decay() == {"backbone.pos_embed", "backbone.cls_token"}
    assert vit.no_weight_decay() <= set(dict(vit.named_parameters()))


def test_gradient_checkpointing_changes_memory_not_gradients(vit):
    vit.eval()
    x = torch.randn(1, 3, 160, 160)
    vit(x).square().sum().backward()
    plain = [p.grad.clone() for p in vit.parameters()]
    vit.zero_grad()
    vit.set_grad_checkpointing()
    assert vit.backbone.grad_checkpointing
    vit(x).square().sum().backward()
    vit.set_grad_checkpointing(False)
    assert all(torch.allclose(p.grad, grad, atol=1e-6) for p, grad in zip(vit.parameters(), plain, strict=True))


def test_another_input_size_is_remembered():
    network = create_network("test_vit", num_classes=2)
    network.set_input_size(img_size=96)
    again = create_network(**json.loads(json.dumps(network.architecture)))
    again.load_state_dict(network.state_dict())
    x = torch.randn(1, 3, 96, 96)
    assert torch.equal(again.eval()(x), network.eval()(x))


def test_a_copy_computes_the_same_and_its_last_parameters_are_the_classifiers():
    network = create_network("conv4", num_classes=2).eval()
    twin = copy.deepcopy(network)
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(twin(x), network(x))
    assert [name for name, _ in twin.named_parameters()][-2:] == ["head.classifier.weight", "head.classifier.bias"]


def test_a_network_is_built_and_runs_in_double_precision():
    network = create_network("test_resnet", "covariance", 2, backbone_options={}, layout="NCHW").double().eval()
    assert network(torch.randn(1, 3, 96, 96, dtype=torch.double)).dtype == torch.double


def test_too_few_positions_are_refused_with_advice(resnet):
    with pytest.raises(ValueError, match=r"at least 2 positions.*larger images.*last_stride=1"):
        resnet.eval()(torch.randn(2, 3, 32, 32))


def test_under_autocast_on_a_cpu_the_classifier_keeps_its_precision(resnet):
    features = resnet.eval().forward_features(torch.randn(2, 3, 96, 96))
    vector = resnet.forward_head(features, pre_logits=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits = resnet.forward_head(features)
    assert torch.equal(logits, resnet.get_classifier()(vector))


def test_a_network_in_half_precision_runs_under_autocast(resnet):
    network = copy.deepcopy(resnet).to(torch.bfloat16).eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert network(torch.randn(2, 3, 96, 96)).isfinite().all()


def test_under_autocast_the_pool_stays_in_float32(resnet):
    resnet.eval()
    features = resnet.forward_features(torch.randn(4, 3, 96, 96))
    with torch.no_grad():
        exact = resnet.forward_head(features, pre_logits=True)
        with torch.autocast("cpu", torch.bfloat16):
            rough = resnet.forward_head(features, pre_logits=True)
            logits = resnet(torch.randn(4, 3, 96, 96))
    assert rough.dtype == torch.float32
    assert (rough - exact).norm() / exact.norm() < 1e-2
    assert logits.isfinite().all()


def test_a_full_timm_state_dict_loads_into_the_pruned_backbone():
    plain = timm.create_model("test_efficientnet", num_classes=10)
    network = create_network("test_efficientnet", num_classes=3)
    ledger = network.load_backbone(plain.state_dict())
    assert ledger.dropped == ["classifier.weight", "classifier.bias"]
    assert torch.equal(network.backbone.conv_stem.weight, plain.conv_stem.weight)


def test_loading_the_backbone_drops_what_was_pruned_by_rule():
    with torch.device("cpu"):
        plain = timm.create_model("mobilenetv3_small_050", num_classes=10)
        network = create_network("mobilenetv3_small_050", num_classes=3)
    assert network.architecture["pruned"] == ["conv_head"]
    ledger = network.load_backbone(plain.state_dict())
    assert set(ledger.dropped) == {"classifier.weight", "classifier.bias", "conv_head.weight", "conv_head.bias"}


def test_another_backbones_state_dict_is_refused(resnet):
    with pytest.raises(WeightsMismatch, match="without a place in the network"):
        resnet.load_backbone(timm.create_model("test_vit", num_classes=0).state_dict())


def test_what_was_dropped_is_said(caplog):
    with caplog.at_level(logging.INFO, "covpool"):
        create_network("mobilenetv3_small_050", num_classes=3)
    assert "dropped conv_head (295936 parameters)" in caplog.text
