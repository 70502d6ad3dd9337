"""Every module of timm, by one small model each: a network that trains whole, or a sentence that says what to do."""

import pytest
import torch

from covpool.models import create_network
from covpool.models.adaptation.probe import NoLayout, probe_images

NCHW = [
    "eca_botnext26ts_256",
    "test_byobnet",
    "convmixer_768_32",
    "test_convnext",
    "cpubone_nano",
    "csatv2",
    "cs3darknet_focus_s",
    "cspnext_tiny",
    "davit_tiny",
    "densenet121",
    "dla46x_c",
    "dpn68",
    "edgenext_xx_small",
    "efficientformerv2_s0",
    "test_efficientnet",
    "efficientvit_b0",
    "efficientvit_m0",
    "fasternet_t0",
    "fastvit_t8",
    "focalnet_tiny_srf",
    "gcvit_xxtiny",
    "ghostnet_100",
    "hardcorenas_b",
    "hgnetv2_b0",
    "hrnet_w18_small",
    "iformer_t",
    "inception_next_atto",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
    "lcnetv2_small",
    "lowformer_b0",
    "maxvit_rmlp_pico_rw_256",
    "poolformerv2_s12",
    "mobilenetv3_small_050",
    "mobilevit_xxs",
    "nasnetalarge",
    "nest_tiny_jx",
    "nextvit_small",
    "test_nfnet",
    "pnasnet5large",
    "pvt_v2_b0",
    "rdnet_tiny",
    "regnetx_002",
    "repghostnet_050",
    "repvit_m0_9",
    "res2next50",
    "resnest14d",
    "test_resnet",
    "resnetv2_18",
    "rexnet_100",
    "selecsls60",
    "legacy_seresnet18",
    "shvit_s1",
    "skresnet18",
    "starnet_s1",
    "swiftformer_xs",
    "swinv2_cr_tiny_ns_224",
    "tiny_vit_5m_224",
    "tresnet_m",
    "visformer_tiny",
    "samvit_base_patch16_224",
    "ese_vovnet19b_dw",
    "legacy_xception",
    "xception41p",
    "mobilenetv5_300m",
    "vgg11",
]
TOKENS = [
    "beit_base_patch16_224",
    "cait_xxs24_224",
    "convit_tiny",
    "deit_tiny_patch16_224",
    "efficientformer_l1",
    "eva02_tiny_patch14_336",
    "gemma4_vit_570m",
    "hiera_tiny_224",
    "levit_128s",
    "resmlp_12_224",
    "mvitv2_tiny",
    "naflexvit_base_patch16_parfac_gap",
    "tnt_s_legacy_patch16_224",
    "twins_svt_small",
    "test_vit",
    "vit_tiny_r_s16_p8_224",
    "vit_srelpos_small_patch16_224",
    "vitamin_small_224",
    "volo_d1_224",
    "xcit_nano_12_p16_224",
]
NHWC = [
    "deepseek_vit_412m",
    "sam2_hiera_tiny",
    "mambaout_femto",
    "qwen3_vit_306m",
    "sequencer2d_s",
    "swin_tiny_patch4_window7_224",
    "swinv2_tiny_window16_256",
]
BRANCHES = ["coat_tiny", "crossvit_tiny_240", "efficientvim_m1"]
REFUSED = ["pit_ti_224", "pit_ti_distilled_224"]
EXPECTED = {
    **dict.fromkeys(NCHW, "NCHW"),
    **dict.fromkeys(TOKENS, "tokens"),
    **dict.fromkeys(NHWC, "NHWC"),
    "coat_tiny": "tokens",
    "crossvit_tiny_240": "tokens",
    "efficientvim_m1": "NCL",
}
QUICK = [
    "test_resnet",
    "test_vit",
    "test_convnext",
    "test_efficientnet",
    "test_nfnet",
    "test_byobnet",
    "mobilenetv3_small_050",
    "hiera_tiny_224",
    "mambaout_femto",
    "efficientvim_m1",
]
CUT = {
    name: {"depth": 2} for name in ("deepseek_vit_412m", "gemma4_vit_570m", "qwen3_vit_306m")
}  # of 300 million parameters and more


def trains_whole(name: str) -> None:
    network = create_network(name, num_classes=3, backbone_options=CUT.get(name))
    assert network.layout.kind == EXPECTED[name]
    images = probe_images(network.backbone, network.architecture["backbone_options"])
    images = images + torch.arange(2.0).reshape(2, 1, 1, 1) * torch.linspace(-1, 1, images.shape[-1])
    features = network.forward_features(images)
    assert features.shape[:2] == (2, network.num_features)
    vector = network.forward_head(features, pre_logits=True)
    assert vector.shape == (2, network.head_hidden_size)
    assert (vector.detach().abs().amax(1) > 0).all()
    logits = network.forward_head(features)
    assert logits.shape == (2, 3)
    assert logits.isfinite().all()
    logits.square().sum().backward()
    trained = {key: p for key, p in network.named_parameters() if p.requires_grad}
    assert [key for key, p in trained.items() if p.grad is None] == []
    assert [key for key, p in trained.items() if not p.grad.isfinite().all()] == []


@pytest.mark.parametrize("name", QUICK)
def test_a_small_model_of_a_family_trains_whole(name):
    trains_whole(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EXPECTED) - set(QUICK)))
def test_a_model_of_every_timm_module_trains_whole(name):
    trains_whole(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("coat_lite_tiny", "tokens:prefix=1"),
        ("crossvit_9_dagger_240", "tokens:prefix=1,branch=-1,channels=256"),
        ("deit_tiny_distilled_patch16_224", "tokens:prefix=2"),
        ("levit_conv_128s", "NCHW"),
        ("test_mambaout", "NHWC:norm=head.norm"),
        ("test_vit2", "tokens:prefix=1,norm=fc_norm,summary=none"),
        ("test_vit3", "tokens:prefix=1,summary=none"),
        ("vit_small_patch16_dinov3", "tokens:prefix=5"),
        ("vit_wee_patch16_reg1_gap_256", "tokens:prefix=1,norm=fc_norm,summary=none"),
    ],
)
def test_the_layout_of_a_variant_is_found(name, layout):
    assert str(create_network(name, num_classes=3).layout) == layout


@pytest.mark.parametrize("name", REFUSED)
def test_a_backbone_that_gives_a_class_token_only_is_refused(name):
    with pytest.raises(NoLayout, match=r"class token only.*choose a backbone"):
        create_network(name)


def test_the_table_holds_one_model_of_each_of_98_modules():
    assert len(EXPECTED) + len(REFUSED[:1]) == 98


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Grad strides do not match bucket view strides")
@pytest.mark.parametrize("name", ["test_convnext", "mobilenetv3_small_050", "crossvit_tiny_240", "efficientvim_m1"])
def test_distributed_training_finds_no_unused_parameters(name, tmp_path):
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        network = create_network(name, num_classes=3)
        images = probe_images(network.backbone, {}).repeat(2, 1, 1, 1)
        parallel = torch.nn.parallel.DistributedDataParallel(network)
        for _ in range(2):  # the second step is the one that fails where a gradient stayed out
            parallel(images).square().sum().backward()
    finally:
        torch.distributed.destroy_process_group()
